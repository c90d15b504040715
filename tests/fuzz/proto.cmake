# The parsers that bytes from a socket reach.
tb_fuzz_target(frames proto frames.cpp)
tb_fuzz_target(calls proto calls.cpp)
tb_fuzz_target(replies proto replies.cpp)
tb_fuzz_target(scan proto scan.cpp)
