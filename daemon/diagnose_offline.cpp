// See diagnose_offline.hpp. Starts nothing, locks nothing, writes nothing.
#include "daemon/diagnose_offline.hpp"

#include <fmt/core.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/finding.hpp"

namespace tb::daemon {

int diagnose_offline(const ConfigResult& loaded, const std::string& credentials_dir) {
    Findings all;
    for (const std::string& line : loaded.mistakes.lines)
        all.push_back({"config", Finding::Level::problem, line, "the daemon does not start with it",
                       "correct it"});
    for (const std::string& line : loaded.mistakes.warnings)
        all.push_back({"config", Finding::Level::note, line, "it may be a slip", ""});
    if (loaded.mistakes.lines.empty()) {
        all.push_back({"config",
                       Finding::Level::ok,
                       loaded.config.main_file + ": the configuration is right",
                       {},
                       {}});
        const HostFacts facts = gather_host_facts(loaded.config, credentials_dir, false);
        for (const auto judge : {judge_files, judge_store, judge_system})
            for (Finding& finding : judge(facts))
                all.push_back(std::move(finding));
    }
    int code = 0;
    for (const Finding& finding : all) {
        if (finding.level == Finding::Level::problem) code = 1;
        const boost::json::object line{{"check", finding.check},
                                       {"level", to_string(finding.level)},
                                       {"what", finding.what},
                                       {"why", finding.why},
                                       {"run", finding.run}};
        fmt::print("{}\n", boost::json::serialize(line));
    }
    return code;
}

}  // namespace tb::daemon
