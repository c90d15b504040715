// The options of bench_load, read strictly.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "bench/talk.hpp"

namespace tb::bench {

struct LoadOptions {
    std::string socket;
    Talk::Kind protocol = Talk::Kind::varlink;
    std::string prefix = "bench/u";
    std::int64_t connections = 1;
    std::int64_t depth = 1;
    std::int64_t accounts = 1;  // asked for at random
    std::int64_t requests = 0;  // an exact number of them; 0: as many as fit into `run_us`
    std::int64_t run_us = 1'000'000;
    std::int64_t warmup_us = 100'000;
    std::int64_t pause_us = 0;  // between a reply and the next request
    std::int64_t cpu = -1;
    std::int64_t uid = -1;
    std::int64_t fill = 0;
    std::int64_t value_bytes = 1200;
};

[[noreturn]] inline void bad_usage(const std::string& why) {
    std::fprintf(stderr, "bench_load: %s\n", why.c_str());
    std::exit(2);
}

inline Talk::Kind protocol_of(std::string_view name) {
    if (name == "varlink") return Talk::Kind::varlink;
    if (name == "floor") return Talk::Kind::floor;
    if (name == "resp") return Talk::Kind::resp;
    bad_usage("--protocol is varlink, floor or resp");
}

inline LoadOptions parse_load_options(int count, char** words) {
    LoadOptions out;
    const std::map<std::string_view, std::int64_t*> numbers{{"--connections", &out.connections},
                                                            {"--depth", &out.depth},
                                                            {"--accounts", &out.accounts},
                                                            {"--requests", &out.requests},
                                                            {"--run-us", &out.run_us},
                                                            {"--warmup-us", &out.warmup_us},
                                                            {"--pause-us", &out.pause_us},
                                                            {"--cpu", &out.cpu},
                                                            {"--uid", &out.uid},
                                                            {"--fill", &out.fill},
                                                            {"--value-bytes", &out.value_bytes}};
    for (int i = 1; i < count; i += 2) {
        const std::string_view name = words[i];
        if (i + 1 == count) bad_usage(std::string(name) + " lacks its value");
        const std::string_view value = words[i + 1];
        if (name == "--socket") {
            out.socket = value;
        } else if (name == "--prefix") {
            out.prefix = value;
        } else if (name == "--protocol") {
            out.protocol = protocol_of(value);
        } else if (const auto found = numbers.find(name); found != numbers.end()) {
            const auto read = std::from_chars(value.begin(), value.end(), *found->second);
            if (read.ec != std::errc() || read.ptr != value.end() || *found->second < 0)
                bad_usage(std::string(name) + " wants a number");
        } else {
            bad_usage("there is no option " + std::string(name));
        }
    }
    if (out.socket.empty()) bad_usage("--socket PATH is needed");
    if (out.connections < 1 || out.depth < 1 || out.accounts < 1 || out.accounts > 10'000'000)
        bad_usage("connections, depth and accounts are at least 1");
    if (out.requests % (out.connections * out.depth) != 0)
        bad_usage("--requests must be a multiple of connections x depth");
    return out;
}

}  // namespace tb::bench
