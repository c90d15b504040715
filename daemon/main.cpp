// The process tokenbrokerd: four threads (this one is the brain), hardening, signals, readiness,
// and the order of start and stop.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/end_process.hpp"
#include "base/log.hpp"
#include "base/openssl_memory.hpp"
#include "base/system_clock.hpp"
#include "daemon/app.hpp"
#include "daemon/diagnose_offline.hpp"
#include "daemon/options.hpp"
#include "daemon/secret_reader.hpp"
#include "ipc/server.hpp"
#include "proto/interfaces.hpp"

namespace tb::daemon {
namespace {

// No core dumps, no ptrace by others of our uid, no privileges by execve, and nothing left of what
// OpenSSL has freed.
void harden() {
    wipe_what_openssl_frees();
    const rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &none);
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)::signal(SIGPIPE, SIG_IGN);
    (void)::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of one write, not our end
    ::umask(077);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
    }
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

Level level_of(const std::string& name) {
    if (name == "critical") return Level::critical;
    if (name == "error") return Level::error;
    if (name == "warning") return Level::warning;
    if (name == "notice") return Level::notice;
    return name == "debug" ? Level::debug : Level::info;
}

class Process {
  public:
    Process(Options options, Config config)
        : options_(std::move(options)),
          config_(config),
          log_(level_of(config.log_level)),
          clock_(create_system_clock(context_.get_executor())),
          signals_(context_, SIGTERM, SIGINT),
          hangups_(context_, SIGHUP) {}

    int run() {
        storage::SqliteOptions where;
        where.state_dir = config_.state_dir;
        where.credentials_dir = environment("CREDENTIALS_DIRECTORY");
        std::error_code trouble;  // every level of it: ~/.local/state may not be there yet
        if (options_.user) std::filesystem::create_directories(config_.state_dir, trouble);
        if (trouble) return failed(fmt::format("{}: {}", config_.state_dir, trouble.message()));
        auto opened = storage::open_sqlite_store(context_.get_executor(), where, random_, log_);
        if (!opened) return failed(opened.error().message);
        store_ = std::move(*opened);
        net::HttpsOptions https_options;
        https_ = net::create_https_client(context_.get_executor(), https_options, log_);
        storage::AuditOptions audit_options;
        audit_options.path = config_.state_dir + "/audit.db";
        audit_ = storage::open_audit_store(context_.get_executor(), audit_options, log_);
        limits_ = ipc::create_limits();
        Deps deps{context_.get_executor(),
                  *clock_,
                  random_,
                  *https_,
                  *store_,
                  log_,
                  ::geteuid(),
                  {},
                  {},
                  limits_,
                  audit_.get()};
        deps.read_secret = [directory = where.credentials_dir](const SecretSource& source) {
            return read_secret(source, directory);
        };
        deps.load_config = [this](std::function<void(ConfigResult)> done) {
            load_elsewhere(std::move(done));
        };
        deps.inspect_host = [this, where](std::function<void(HostFacts)> done) {
            inspect_elsewhere(where.credentials_dir, std::move(done));
        };
        app_ = std::make_unique<App>(std::move(deps), config_);
        if (const auto loaded = app_->load(); !loaded) return failed(loaded.error().message);
        if (const auto served = serve(); !served) return failed(served.error().message);
        app_->begin();
        await_signals();
        watchdog();
        ::sd_notifyf(0, "READY=1\nSTATUS=%zu accounts", app_->accounts().size());
        log_.notice("tokenbrokerd {} is ready: {} account(s), config {}", TB_VERSION,
                    app_->accounts().size(), config_.main_file);
        context_.run();
        return 0;
    }

  private:
    int failed(const std::string& why) {
        log_.critical("tokenbrokerd can't start: {}", why);
        ::sd_notifyf(0, "STATUS=can't start: %s\nERRNO=1", why.c_str());
        return 1;
    }

    // Names in access rules are looked up there, which may block: never on the brain.
    void load_elsewhere(std::function<void(ConfigResult)> done) {
        std::thread([this, done = std::move(done)] {
            auto result =
                std::make_shared<ConfigResult>(load_config(options_.config_file, options_.user));
            asio::post(context_, [result, done] { done(std::move(*result)); });
        }).detach();
    }

    // A read of the whole database, for doctor: neither on the brain nor on the store's thread.
    void inspect_elsewhere(std::string credentials_dir, std::function<void(HostFacts)> done) {
        const auto config = app_->accounts().config();
        std::thread([this, config, credentials_dir, done = std::move(done)] {
            const auto facts =
                std::make_shared<HostFacts>(gather_host_facts(*config, credentials_dir, true));
            asio::post(context_, [facts, done] { done(std::move(*facts)); });
        }).detach();
    }

    Result<void> serve() {
        UniqueFd tokens;
        UniqueFd admin;
        for (auto& [name, fd] : ipc::take_systemd_listeners()) {
            if (name == "tokens")
                tokens = std::move(fd);
            else if (name == "admin")
                admin = std::move(fd);
            else
                return Error{errc::config, "systemd handed in a socket named '" + name +
                                               "'; FileDescriptorName= must be tokens or admin"};
        }
        const std::string folder =
            config_.tokens_socket.substr(0, config_.tokens_socket.rfind('/'));
        if (!tokens && options_.user) (void)::mkdir(folder.c_str(), 0700);
        if (!tokens) {
            auto made = ipc::listen_unix(config_.tokens_socket, options_.user ? 0600 : 0666);
            if (!made) return made.error();
            tokens = std::move(*made);
        }
        const bool group_exists =
            !config_.admin_group.empty() && ::getgrnam(config_.admin_group.c_str()) != nullptr;
        if (!admin) {
            const bool shared = !options_.user && group_exists;
            auto made = ipc::listen_unix(config_.admin_socket, shared ? 0660 : 0600,
                                         shared ? config_.admin_group : "");
            if (!made) return made.error();
            admin = std::move(*made);
        }
        if (const auto safe = ipc::check_admin_listener(admin.get()); !safe) return safe;
        if (!options_.user && group_exists)
            app_->admin().set_admin_gid(::getgrnam(config_.admin_group.c_str())->gr_gid);
        start_servers(std::move(tokens), std::move(admin));
        return {};
    }

    void start_servers(UniqueFd tokens, UniqueFd admin) {
        ipc::ServerOptions options;
        options.interfaces.push_back({"io.tokenbroker.tokens", std::string(proto::tokens_varlink)});
        tokens_ = ipc::create_server(context_.get_executor(), std::move(tokens), options,
                                     app_->tokens(), limits_, *clock_, log_);
        options.interfaces.front() = {"io.tokenbroker.admin", std::string(proto::admin_varlink)};
        admin_ = ipc::create_server(context_.get_executor(), std::move(admin), options,
                                    app_->admin(), limits_, *clock_, log_);
        app_->count_connections([this] { return tokens_->connections() + admin_->connections(); });
    }

    void await_signals() {
        signals_.async_wait([this](boost::system::error_code error, int) {
            if (error || stopping_) return;
            stopping_ = true;
            spawn(context_.get_executor(), "stop", stop());
        });
        await_hangup();
    }

    void await_hangup() {
        hangups_.async_wait([this](boost::system::error_code error, int) {
            if (error) return;
            app_->admin().reload(
                [this](const std::vector<std::string>& mistakes, const std::vector<std::string>&) {
                    app_->audit().admin(nullptr, "Reload", {}, mistakes.empty(), "SIGHUP");
                });
            await_hangup();
        });
    }

    // From the brain's own loop: a stuck brain is restarted by systemd, the sockets are kept.
    void watchdog() {
        std::uint64_t limit_us = 0;
        if (::sd_watchdog_enabled(0, &limit_us) <= 0) return;
        ::sd_notify(0, "WATCHDOG=1");
        const Millis every{static_cast<std::int64_t>(limit_us / 1000 / 3)};
        clock_->call_at(clock_->now() + std::max(every, Millis{10}), [this] { watchdog(); });
    }

    awaitable<void> stop() {
        ::sd_notify(0, "STOPPING=1");
        log_.notice("tokenbrokerd is stopping");
        https_->stop();  // what is not sent yet ends now; what was sent is waited for
        co_await app_->stop();
        const BootTime until = clock_->now() + 2'000ms;
        co_await tokens_->drain(until);
        co_await admin_->drain(until);
        co_await app_->audit().close();  // the servers are drained: no row comes after this
        co_await store_->close();
        log_.notice("tokenbrokerd has stopped");
        // Threads that wait in getaddrinfo can't be joined; everything that matters is on the disk.
        end_process(0);
    }

    Options options_;
    Config config_;
    asio::io_context context_{1};
    StderrLog log_;
    SystemRandom random_;
    std::unique_ptr<Clock> clock_;
    asio::signal_set signals_;
    asio::signal_set hangups_;
    bool stopping_ = false;
    std::unique_ptr<storage::TokenStore> store_;
    std::unique_ptr<storage::AuditStore> audit_;
    std::unique_ptr<net::HttpsClient> https_;
    std::unique_ptr<App> app_;
    std::shared_ptr<ipc::Limits> limits_;
    std::unique_ptr<ipc::Server> tokens_;
    std::unique_ptr<ipc::Server> admin_;
};

}  // namespace
}  // namespace tb::daemon

int main(int argc, char** argv) {
    using namespace tb::daemon;
    harden();
    const ParsedOptions parsed = parse_options(argc, argv);
    if (parsed.exit_code) {
        (parsed.exit_code == 0 ? fmt::print(stdout, "{}", parsed.text)
                               : fmt::print(stderr, "{}", parsed.text));
        return *parsed.exit_code;
    }
    ConfigResult config = load_config(parsed.options.config_file, parsed.options.user);
    if (parsed.options.diagnose)
        return diagnose_offline(config, environment("CREDENTIALS_DIRECTORY"));
    for (const std::string& line : config.mistakes.warnings)
        fmt::print(stderr, "<4>{}\n", line);
    for (const std::string& line : config.mistakes.lines)
        fmt::print(stderr, "<3>{}\n", line);
    if (!config.mistakes.lines.empty()) {
        fmt::print(stderr,
                   "<2>tokenbrokerd: the configuration has {} mistake(s); nothing was started\n",
                   config.mistakes.lines.size());
        return 1;
    }
    if (parsed.options.check) {
        fmt::print("{}: the configuration is right\n", config.config.main_file);
        return 0;
    }
    auto* process =
        new Process(parsed.options, std::move(config.config));  // never destroyed: the stop exits
    const int code = process->run();
    std::fflush(nullptr);
    tb::end_process(code);
}
