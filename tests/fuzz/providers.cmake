# What providers answer, and what operators paste.
tb_fuzz_target(webroot_reply providers webroot_reply.cpp)
tb_fuzz_target(immersve_reply providers immersve_reply.cpp)
tb_fuzz_target(readyplayerme_reply providers readyplayerme_reply.cpp)
tb_fuzz_target(playfab_reply providers playfab_reply.cpp)
tb_fuzz_target(jwt providers jwt.cpp)
tb_fuzz_target(dates providers dates.cpp)
tb_fuzz_target(addresses providers addresses.cpp)
tb_fuzz_target(import_grant providers import_grant.cpp)
