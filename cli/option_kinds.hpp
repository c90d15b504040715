// The kinds of option that several commands share. Included by cli/arguments.cpp alone, for CLI11
// is slow to compile.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/limits.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/words.hpp"

namespace tb::cli {

inline CLI::App& command(CLI::App& parent, const char* name, const char* what,
                         const char* examples) {
    CLI::App* app = parent.add_subcommand(name, what);
    app->footer(fmt::format("Examples:\n{}", examples));
    return *app;
}

// How long the daemon waits for a renewal or for a first token, at most. It would refuse more, but
// only where it has to wait, and after a secret was asked for.
inline constexpr std::int64_t wait_max_ms = limits::reader_timeout_max_ms.count();
static_assert(wait_max_ms == 300'000, "the help and docs/man/tokenbroker.1 say 5m");

// `into`: std::int64_t or an optional of it. max_ms: in whole minutes.
template <class T>
void duration(CLI::App& app, const char* name, T& into, const char* help,
              std::int64_t max_ms = limits::lifetime_max_ms.count()) {
    app.add_option_function<std::string>(
           name,
           [&into, name, max_ms](const std::string& word) {
               const auto ms = parse_duration(word);
               if (!ms)
                   throw CLI::ValidationError(
                       fmt::format("{}: '{}' is not a duration like 500ms, 60s, 5m, 2h or 1d, of "
                                   "at most 3650d",
                                   name, word));
               if (*ms > max_ms)
                   throw CLI::ValidationError(
                       fmt::format("{}: '{}' is too long; the daemon waits at most {}m", name, word,
                                   max_ms / 60'000));
               into = *ms;
           },
           help)
        ->type_name("DURATION");
}

// May be repeated; each is one word after the option.
inline void pairs(CLI::App& app, const char* name, Pairs& into, const char* form,
                  const char* help) {
    app.add_option_function<std::vector<std::string>>(
           name,
           [&into, form](const std::vector<std::string>& words) {
               for (const std::string& word : words) {
                   auto pair = split_pair(word);
                   if (!pair)
                       throw CLI::ValidationError(
                           fmt::format("'{}' is not of the form {}", word, form));
                   into.push_back(*pair);
               }
           },
           help)
        ->type_name(form)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

inline void wish(CLI::App& app, TokenWish& into) {
    duration(app, "--min-remaining", into.min_remaining_ms,
             "Only a token that stays valid at least this long (at most 3650d)");
    duration(app, "--timeout", into.timeout_ms,
             "Wait this long for a renewal, at most 5m (default 10s)", wait_max_ms);
    pairs(app, "--param", into.parameters, "KEY=VALUE",
          "What the provider takes per request, as user_id=...; may be repeated");
}

}  // namespace tb::cli
