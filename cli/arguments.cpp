// Every option of every command, with its help. docs/man/tokenbroker.1 names the same ones:
// tests/cli/test_man_pages.py holds them against each other.
#include "cli/arguments.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/audit_options.hpp"
#include "cli/option_keep.hpp"
#include "cli/option_kinds.hpp"
#include "cli/words.hpp"

namespace tb::cli {
namespace {

class Parser {
  public:
    Parser();
    Answer<Invocation> parse(std::vector<std::string> arguments);

  private:
    template <class T>
    void chosen(CLI::App& app, T& values) {
        app.callback([this, &values] { result_.command = values; });
    }
    // A command whose first word is the account.
    template <class T>
    CLI::App& named(CLI::App& parent, const char* name, const char* what, const char* examples,
                    T& values) {
        CLI::App& app = command(parent, name, what, examples);
        app.add_option("ACCOUNT", values.account, "The account, CLIENT/NAME")->required();
        chosen(app, values);
        return app;
    }
    std::pair<CLI::App*, std::string> innermost();
    Answer<Invocation> finish_exec();
    void add_readers();
    void add_status();
    void add_account_commands();
    void add_account_add(CLI::App& group);
    void add_client_commands();
    void add_login_commands();
    void add_daemon_commands();

    CLI::App app_{"tokenbroker: fresh access tokens from tokenbrokerd\n", "tokenbroker"};
    Invocation result_;
    Get get_;
    Exec exec_;
    std::vector<std::string> variables_;  // of exec, "NAME=ACCOUNT"
    Watch watch_;
    Status status_;
    AccountAdd add_;
    AccountRemove remove_;
    AccountList list_;
    AccountShow show_;
    AccountPause pause_;
    AccountResume resume_;
    ClientSetSecret set_secret_;
    ClientList clients_;
    Renew renew_;
    Login login_;
    Revoke revoke_;
    Reload reload_;
    Keeping keeping_;
    Explain explain_;
    Audit audit_;
    Doctor doctor_;
};

Parser::Parser() {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_version_flag("--version", "tokenbroker " TB_VERSION);
    app_.add_option("--socket", result_.common.socket,
                    "The daemon's tokens socket (default: TOKENBROKER_SOCKET, then the user's, "
                    "then the system's)")
        ->type_name("PATH");
    app_.add_option("--admin-socket", result_.common.admin_socket,
                    "Its admin socket (default: admin.sock beside the other)")
        ->type_name("PATH");
    app_.add_flag("--json", result_.common.json, "JSON for programs instead of text for people");
    app_.add_option("--connection", result_.common.connection)->group("");  // front/ and no person
    app_.footer(
        "Exit codes: 0 done, 1 failed, 2 usage, 3 no such account or not yours, 4 login required,\n"
        "5 provider unavailable, 6 no daemon; exec: 125 to 127 as env(1)\n"
        "More: tokenbroker COMMAND --help, man tokenbroker");
    add_readers();
    add_status();
    add_account_commands();
    add_client_commands();
    add_login_commands();
    add_daemon_commands();
    keeping_commands(app_, keeping_, [this](CLI::App& app, auto& values) { chosen(app, values); });
}

void Parser::add_readers() {
    CLI::App& get = named(app_, "get", "Print an account's access token",
                          "  tokenbroker get shop/main\n"
                          "  curl -H \"$(tokenbroker get shop/main --header)\" https://...\n"
                          "  tokenbroker get shop/main --min-remaining 60s",
                          get_);
    get.add_flag("--header", get_.header, "Print it as the HTTP header that the provider wants");
    wish(get, get_.wish);

    CLI::App& exec =
        command(app_, "exec",
                "Run a command with tokens in its environment: exec NAME=ACCOUNT... -- COMMAND...",
                "  tokenbroker exec SHOP_TOKEN=shop/main -- ./game-server\n"
                "  tokenbroker exec A=shop/main B=models/cdn -- sh -c 'use \"$A\"'");
    exec.add_option("NAME=ACCOUNT", variables_, "The variables, and whose token each gets")
        ->required()
        ->type_name("");
    wish(exec, exec_.wish);
    chosen(exec, exec_);

    CLI::App& watch = command(app_, "watch", "Print a line for each change of these accounts",
                              "  tokenbroker watch shop/main\n"
                              "  tokenbroker watch shop/main --json   (with the tokens)");
    watch.add_option("ACCOUNT", watch_.accounts, "The accounts")->required();
    chosen(watch, watch_);
}

void Parser::add_status() {
    CLI::App& status = command(app_, "status", "How the accounts are, and why",
                               "  tokenbroker status\n"
                               "  tokenbroker status shop/main --json\n"
                               "  tokenbroker status --watch");
    status.add_option("ACCOUNT", status_.accounts, "Only these (default: all)");
    status.add_flag("--watch", status_.watch, "Show it again and again until interrupted");
    duration(status, "--interval", status_.interval_ms, "How often with --watch (default 1s)");
    chosen(status, status_);
}

void Parser::add_account_add(CLI::App& group) {
    CLI::App& add =
        named(group, "add", "Enrol an account; its secret comes from standard input or a file",
              "  tokenbroker account add shop/main                (asks, without echo)\n"
              "  tokenbroker account add shop/main < refresh-token.txt\n"
              "  tokenbroker account add shop/main --replace < new-refresh-token.txt\n"
              "  tokenbroker account add shop/main --secret-file refresh_token=/root/rt.txt",
              add_);
    add.add_option("--field", add_.field,
                   "Which secret standard input holds (default: the provider's first one, "
                   "refresh_token or token)")
        ->type_name("NAME");
    pairs(add, "--secret-file", add_.secret_files, "NAME=FILE",
          "A secret from a file; may be repeated; then standard input is read only with --field");
    pairs(add, "--attribute", add_.attributes, "KEY=VALUE",
          "What the provider must know of the account, not secret; may be repeated");
    add.add_flag("--replace", add_.replace,
                 "Take a new grant for an existing account, once it has proved itself");
    duration(add, "--wait", add_.wait_ms,
             "Wait this long for the first token, at most 5m (default 10s)", wait_max_ms);
    add.add_flag_callback(
        "--no-wait", [this] { add_.wait_ms = 0; }, "Don't wait for the first token");
}

void Parser::add_account_commands() {
    CLI::App& group = command(app_, "account", "Add, remove, list, show, pause, resume accounts",
                              "  tokenbroker account list\n"
                              "  tokenbroker account add --help");
    group.require_subcommand(1);
    add_account_add(group);
    named(group, "remove", "Forget an account and its grant",
          "  tokenbroker account remove shop/main", remove_);
    chosen(command(group, "list", "The accounts whose tokens you may get",
                   "  tokenbroker account list --json"),
           list_);
    named(group, "show", "All that is known of one account", "  tokenbroker account show shop/main",
          show_);
    named(group, "pause", "Stop renewing it and handing it out; its grant is kept",
          "  tokenbroker account pause shop/main", pause_);
    CLI::App& resume = named(group, "resume", "Go on with a paused account",
                             "  tokenbroker account resume shop/main\n"
                             "  tokenbroker account resume shop/main --try-retired",
                             resume_);
    resume.add_flag("--try-retired", resume_.try_retired,
                    "Put the last refused grant back and send it once");
}

void Parser::add_client_commands() {
    CLI::App& group = command(app_, "client", "The clients of the configuration, their secrets",
                              "  tokenbroker client list");
    group.require_subcommand(1);
    CLI::App& set = command(group, "set-secret", "Store a client's secret, from standard input",
                            "  tokenbroker client set-secret shop            (asks, without echo)\n"
                            "  tokenbroker client set-secret shop < client-secret.txt");
    set.add_option("CLIENT", set_secret_.client, "A section of the configuration")->required();
    set.add_option("--name", set_secret_.name, "Which secret (default client_secret)")
        ->type_name("NAME");
    chosen(set, set_secret_);
    chosen(command(group, "list", "The clients, and where their secrets come from",
                   "  tokenbroker client list --json"),
           clients_);
}

void Parser::add_login_commands() {
    CLI::App& login =
        named(app_, "login", "Enrol an account, or give it a new grant, by logging in",
              "  tokenbroker login shop/main                 (a browser, or a code)\n"
              "  tokenbroker login shop/main --flow device   (from any device)",
              login_);
    login.add_option("--flow", login_.flow, "Only this way: code, device or password")
        ->type_name("FLOW")
        ->check(CLI::IsMember({"code", "device", "password"}));
    login
        .add_option("--redirect-uri", login_.redirect_uri,
                    "Where the browser comes back to, if the provider wants an exact one (default "
                    "http://127.0.0.1/callback on a free port)")
        ->type_name("URI");
    login.add_flag("--no-browser", login_.no_browser, "Only print the address");
    login.add_option("--username", login_.username, "Who logs in, for --flow password")
        ->type_name("NAME");
    pairs(login, "--attribute", login_.attributes, "KEY=VALUE",
          "What the provider must know of the account, not secret; may be repeated");
    named(app_, "revoke", "Give an account's grant back to its provider",
          "  tokenbroker revoke shop/main", revoke_);
}

void Parser::add_daemon_commands() {
    CLI::App& renew = named(app_, "renew", "Renew now, whatever the timer says",
                            "  tokenbroker renew shop/main --timeout 5s", renew_);
    duration(renew, "--timeout", renew_.timeout_ms,
             "Wait this long for it, at most 5m (default 30s)", wait_max_ms);

    chosen(command(app_, "reload", "Have the daemon read its configuration again",
                   "  tokenbroker reload"),
           reload_);

    CLI::App& explain = named(app_, "explain", "Who may have an account's tokens, and why",
                              "  tokenbroker explain shop/main --uid 1000", explain_);
    explain_.uid = static_cast<std::int64_t>(::getuid());
    explain.add_option("--uid", explain_.uid, "Of this user (default: you)")
        ->type_name("UID")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{4'294'967'294}));

    chosen(audit_options(app_, audit_), audit_);
    chosen(doctor_options(app_, doctor_), doctor_);
}

// The command that the words lead to, and what stands before its name.
std::pair<CLI::App*, std::string> Parser::innermost() {
    CLI::App* app = &app_;
    std::string path;
    while (!app->get_subcommands().empty()) {
        path += (path.empty() ? "" : " ") + app->get_name();
        app = app->get_subcommands().front();
    }
    return {app, path};
}

Answer<Invocation> Parser::finish_exec() {
    for (const std::string& word : variables_) {
        auto pair = split_pair(word);
        if (!pair || !is_variable_name(pair->first))
            return failed(fmt::format("'{}' is not of the form NAME=ACCOUNT", word),
                          Exit::exec_failed);
        exec_.variables.push_back(std::move(*pair));
    }
    if (exec_.command.empty())
        return failed("no command; as in: tokenbroker exec NAME=ACCOUNT -- COMMAND",
                      Exit::exec_failed);
    result_.command = exec_;
    return std::move(result_);
}

Answer<Invocation> Parser::parse(std::vector<std::string> words) {
    const bool exec = is_exec(words);
    const Exit usage = exec ? Exit::exec_failed : Exit::usage;
    if (exec) exec_.command = take_tail(words);  // not ours to read
    try {
        std::reverse(words.begin(), words.end());  // as CLI11 wants them
        app_.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
        const auto [asked, path] = innermost();
        result_ = {.common = {}, .command = {}, .text = asked->help(path)};
        return std::move(result_);
    } catch (const CLI::CallForVersion& version) {
        result_.text = fmt::format("{}\n", version.what());
        return std::move(result_);
    } catch (const CLI::ParseError& error) {
        const auto [asked, path] = innermost();
        return failed(fmt::format("{}\nsee: {}{}{} --help", error.what(), path,
                                  path.empty() ? "" : " ", asked->get_name()),
                      usage);
    }
    if (exec && result_.command) return finish_exec();
    return std::move(result_);
}

}  // namespace

Answer<Invocation> parse_arguments(std::vector<std::string> arguments) {
    Parser parser;
    return parser.parse(std::move(arguments));
}

}  // namespace tb::cli
