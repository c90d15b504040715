# What is read from the disk and from /proc: the configuration, the store's rows, the key file, what the kernel says of callers. Only
# the sources that do so: a whole room takes minutes to compile here.
set(config_sources access access_selector account_name config config_access config_client config_mistakes config_paths config_secret
    config_table config_toml config_values)
list(TRANSFORM config_sources REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/daemon/\\1.cpp")
tb_fuzz_target(config providers config.cpp ${config_sources})
target_link_libraries(fuzz_config PRIVATE PkgConfig::TOMLPP)

set(storage_sources codec files key_file records seal)
list(TRANSFORM storage_sources REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/storage/\\1.cpp")
tb_fuzz_target(stored base stored.cpp ${storage_sources})

tb_fuzz_target(proc_files base proc_files.cpp ${PROJECT_SOURCE_DIR}/ipc/cgroup.cpp ${PROJECT_SOURCE_DIR}/ipc/proc.cpp)
