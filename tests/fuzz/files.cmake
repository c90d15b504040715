# What is read from the disk and from /proc: the store's rows, the key file, what the kernel says of callers. Only
# the sources that do so: a whole room takes minutes to compile here.
set(storage_sources codec files key_file records seal)
list(TRANSFORM storage_sources REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/storage/\\1.cpp")
tb_fuzz_target(stored base stored.cpp ${storage_sources})

tb_fuzz_target(proc_files base proc_files.cpp ${PROJECT_SOURCE_DIR}/ipc/cgroup.cpp ${PROJECT_SOURCE_DIR}/ipc/proc.cpp)
