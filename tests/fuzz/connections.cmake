# Whole connections: a caller's, a provider's below its replies, a browser's.
tb_fuzz_target(session ipc session.cpp)
tb_fuzz_target(http_reply base http_reply.cpp ${PROJECT_SOURCE_DIR}/net/failures.cpp)
tb_fuzz_target(redirect base redirect.cpp ${PROJECT_SOURCE_DIR}/cli/loopback.cpp)
