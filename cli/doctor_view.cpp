// See doctor_view.hpp.
#include "cli/doctor_view.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/json.hpp"
#include "cli/table.hpp"

namespace tb::cli {

using boost::json::object;

object finding(std::string_view check, std::string_view level, std::string_view what,
               std::string_view why, std::string_view run) {
    return {{"check", check}, {"level", level}, {"what", what}, {"why", why}, {"run", run}};
}

bool is_problem(const object& finding) {
    return text(finding, "level") == "problem";
}

std::string finding_text(const object& finding, bool colours) {
    const std::string_view level = text(finding, "level");
    Cell mark{"ok      ", Colour::good};
    if (level == "problem") mark = {"PROBLEM ", Colour::bad};
    if (level == "note") mark = {"note    ", Colour::warning};
    std::string out =
        fmt::format("{} {:<12} {}\n", coloured(mark, colours), printable(text(finding, "check")),
                    printable(text(finding, "what")));
    if (const auto why = text(finding, "why"); !why.empty())
        out += fmt::format("{:22}why: {}\n", "", printable(why));
    if (const auto run = text(finding, "run"); !run.empty())
        out += fmt::format("{:22}run: {}\n", "", printable(run));
    return out;
}

object judge_socket(const SocketFact& fact) {
    const std::string found = fmt::format("{} ({})", fact.path, fact.chosen_by);
    if (!fact.there)
        return finding("sockets", "problem", found + " is not there",
                       "clients look for the daemon there",
                       "systemctl start tokenbroker.socket tokenbroker-admin.socket");
    if (!S_ISSOCK(fact.mode))
        return finding("sockets", "problem", found + " is no socket",
                       "clients look for the daemon there", "remove it");
    // Whoever owns it could hand out anything, and read what is asked.
    if (fact.uid != 0 && fact.uid != fact.own_uid && fact.chosen_by != "--socket")
        return finding("sockets", "note", fmt::format("{} belongs to uid {}", found, fact.uid),
                       "is that the user of the daemon? Who owns it could be another", "");
    if (!fact.answers)
        return finding("sockets", "problem",
                       fmt::format("{} does not answer: {}", found, fact.error),
                       "no token can be had", "systemctl status tokenbrokerd");
    return finding("sockets", "ok", found + " answers");
}

}  // namespace tb::cli
