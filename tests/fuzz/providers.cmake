# What providers answer, and what operators paste.
tb_fuzz_target(webroot_reply providers webroot_reply.cpp)
tb_fuzz_target(oauth2_reply providers oauth2_reply.cpp)
tb_fuzz_target(oauth2_login providers oauth2_login.cpp)
tb_fuzz_target(jwt providers jwt.cpp)
tb_fuzz_target(dates providers dates.cpp)
tb_fuzz_target(addresses providers addresses.cpp)
tb_fuzz_target(import_grant providers import_grant.cpp)
