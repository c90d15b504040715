# The library's own reader of what a daemon answers. TB_ASSERT is base's.
tb_fuzz_target(client_reply client client_reply.cpp)
target_link_libraries(fuzz_client_reply PRIVATE tb_base)
