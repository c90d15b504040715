// doctor: first what a client meets (sockets), then what the daemon itself finds; where none
// answers, or not to us, what `tokenbrokerd --diagnose` finds as this user.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/unique_fd.hpp"
#include "cli/commands.hpp"
#include "cli/doctor_view.hpp"
#include "cli/errors.hpp"
#include "cli/json.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"

namespace tb::cli {
namespace {

constexpr int answer_within_ms = 5'000;
constexpr std::size_t output_bytes_max = 4 * 1024 * 1024;

class Report {
  public:
    explicit Report(bool json) : json_(json), colours_(!json && colours_wanted()) {}
    void add(const boost::json::object& finding) {
        if (is_problem(finding)) ++problems_;
        if (!printed_) return;
        printed_ = json_ ? print_json(finding) : print(finding_text(finding, colours_));
    }
    Answer<> end() const {
        if (!printed_) return printed_;
        if (problems_ == 0) return {};
        return failed(fmt::format("{} problem(s) found", problems_));
    }
    bool going() const { return printed_.has_value(); }

  private:
    bool json_;
    bool colours_;
    int problems_ = 0;
    Answer<> printed_;
};

std::string chosen_by(const Common& common, bool admin, const std::string& path) {
    if (!common.socket.empty() || (admin && !common.admin_socket.empty())) return "--socket";
    const char* from = std::getenv("TOKENBROKER_SOCKET");
    if (from != nullptr && *from != '\0') return "TOKENBROKER_SOCKET";
    return path.starts_with("/run/tokenbroker/") ? "the system's" : "your own daemon's";
}

SocketFact look(const Common& common, bool admin) {
    SocketFact fact;
    fact.path = admin && !common.admin_socket.empty() ? common.admin_socket
                                                      : ipc::default_socket(common.socket, admin);
    fact.chosen_by = chosen_by(common, admin, fact.path);
    fact.own_uid = ::getuid();
    struct stat info{};
    fact.there = ::lstat(fact.path.c_str(), &info) == 0;
    if (!fact.there) return fact;
    fact.mode = info.st_mode;
    fact.uid = info.st_uid;
    auto client = ipc::Client::connect(fact.path);
    if (!client) {
        fact.error = client.error().message;
        return fact;
    }
    const auto reply = client->call("org.varlink.service.GetInfo", {}, answer_within_ms);
    fact.answers = reply && !reply->error;
    if (!reply) fact.error = reply.error().message;
    return fact;
}

// The one that was installed with us (we are in libexec/tokenbroker), else the one in the path.
std::string daemon_program() {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const auto top = self.parent_path().parent_path().parent_path();
    for (const char* folder : {"bin", "sbin"})
        if (const auto program = top / folder / "tokenbrokerd";
            std::filesystem::exists(program, ignored))
            return program.string();
    return "tokenbrokerd";
}

struct Ran {
    std::string output;
    int status = 0;  // as waitpid has it
};

Answer<Ran> run_program(std::vector<std::string> words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return failed(std::strerror(errno));
    UniqueFd out(ends[0]);
    UniqueFd in(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    in.reset();
    if (error != 0) return failed(fmt::format("{}: {}", words.front(), std::strerror(error)));
    Ran ran;
    char chunk[4096];
    for (ssize_t n = 1; n > 0 && ran.output.size() < output_bytes_max;) {
        n = ::read(out.get(), chunk, sizeof chunk);
        if (n > 0) ran.output.append(chunk, static_cast<std::size_t>(n));
    }
    out.reset();  // one that goes on writing ends by it
    (void)::waitpid(child, &ran.status, 0);
    return ran;
}

// 0: no problem, 1: some. Anything else, or nothing that it says: it did not come to its end.
std::string early_end(int status, int findings) {
    if (WIFSIGNALED(status))
        return fmt::format("was ended by signal {} ({})", WTERMSIG(status),
                           ::strsignal(WTERMSIG(status)));
    const int code = WEXITSTATUS(status);
    if (code != 0 && code != 1) return fmt::format("ended with status {}", code);
    return findings == 0 ? "ended without a finding" : "";
}

void without_daemon(const Doctor& doctor, bool user, Report& report) {
    std::vector<std::string> words{daemon_program(), "--diagnose"};
    if (user) words.emplace_back("--user");
    if (!doctor.config.empty()) words.push_back("--config=" + doctor.config);
    const auto ran = run_program(words);
    if (!ran) {
        report.add(finding("daemon", "note",
                           "tokenbrokerd --diagnose can't be run: " + ran.error().text,
                           "configuration, key and database were not looked at",
                           "install tokenbrokerd, or put it beside tokenbroker"));
        return;
    }
    int findings = 0;
    std::string_view rest = ran->output;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        boost::system::error_code wrong;
        const auto value = boost::json::parse(rest.substr(0, end), wrong);
        const bool is_one = !wrong && value.is_object();
        if (is_one) report.add(value.get_object());
        findings += is_one ? 1 : 0;
        rest.remove_prefix(end + 1);
    }
    if (const std::string how = early_end(ran->status, findings); !how.empty())
        report.add(finding("daemon", "problem", fmt::format("{} --diagnose {}", words.front(), how),
                           "configuration, key and database were not all looked at",
                           fmt::format("{}, and look at what it says", fmt::join(words, " "))));
}

enum class Asked : std::uint8_t { all_told, unreachable, denied, refused, cut_off };

Asked ask_daemon(const Common& common, const Doctor& doctor, Report& report) {
    auto client = connect(common, Socket::admin);
    if (!client) return Asked::unreachable;
    boost::json::object parameters;
    if (doctor.no_probe) parameters["probe"] = false;
    std::optional<ipc::CallError> error;
    const auto each = [&](ipc::CallReply reply) {
        if (reply.error)
            error = std::move(reply.error);
        else if (const auto* findings = list(reply.parameters, "findings"))
            for (const auto& value : *findings)
                if (value.is_object()) report.add(value.get_object());
        return report.going();
    };
    const auto ended =
        client->call_more(qualified(Socket::admin, "Diagnose"), std::move(parameters), each);
    if (error && error->name == "org.varlink.service.PermissionDenied") return Asked::denied;
    if (error) {
        report.add(finding("daemon", "note", explain(*error),
                           "what the daemon itself sees is missing here",
                           "tokenbroker doctor, in a moment"));
        return Asked::refused;
    }
    if (ended || !report.going()) return Asked::all_told;
    report.add(finding(
        "daemon", "problem",
        "the daemon broke off in the middle of its findings: " + to_failure(ended.error()).text,
        "it may have crashed or been stopped; what it had not come to is missing",
        "systemctl status tokenbrokerd; then tokenbroker doctor once more"));
    return Asked::cut_off;
}

// Why what follows is not the daemon's own view.
std::string instead(Asked asked, bool daemon_answers) {
    if (asked == Asked::refused) return "the daemon runs, but did not look at itself now";
    if (asked == Asked::cut_off) return "the daemon did not tell all of its findings";
    return daemon_answers ? "the daemon runs, but its own findings are for administrators"
                          : "no daemon answers: its accounts, rules and providers can't be looked "
                            "at";
}

}  // namespace

Answer<> run(const Common& common, const Doctor& doctor) {
    Report report(common.json);
    const SocketFact tokens = look(common, false);
    const SocketFact admin = look(common, true);
    report.add(judge_socket(tokens));
    const bool reachable = admin.answers;
    if (reachable || ::getuid() == 0 || !admin.there) report.add(judge_socket(admin));
    const Asked asked = reachable ? ask_daemon(common, doctor, report) : Asked::unreachable;
    if (asked == Asked::all_told) return report.end();
    const bool of_rights = asked == Asked::denied || asked == Asked::unreachable;
    report.add(
        finding("daemon", "note", instead(asked, tokens.answers),
                "what follows is what user " + std::to_string(::getuid()) + " can see without it",
                of_rights && tokens.answers ? "sudo tokenbroker doctor" : ""));
    without_daemon(doctor, tokens.chosen_by == "your own daemon's", report);
    return report.end();
}

}  // namespace tb::cli
