// A game's loop with a token that is always current: each frame reads it, which costs nanoseconds,
// and a request to the shop's server would carry its header. Prints a line when something changes.
//   example_game_loop ACCOUNT [SOCKET] [--frames N] [--fps N]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <tokenbroker.hpp>

namespace {
struct Options {
    std::string account;
    const char* socket = nullptr;
    long frames = 600, fps = 60;
};

Options parse(int count, char** words) {
    Options options;
    for (int i = 1; i < count; ++i) {
        const bool more = i + 1 < count;
        if (more && std::strcmp(words[i], "--frames") == 0)
            options.frames = std::atol(words[++i]);
        else if (more && std::strcmp(words[i], "--fps") == 0)
            options.fps = std::atol(words[++i]);
        else if (options.account.empty())
            options.account = words[i];
        else
            options.socket = words[i];
    }
    return options;
}

// What the player sees changes with the state, not with each frame.
void show(const tokenbroker::failure& state, tb_error& shown) {
    if (state.code == shown) return;
    shown = state.code;
    if (state.code == TB_OK)
        std::printf("online\n");
    else
        std::printf("%s\n", state.reason);
    std::fflush(stdout);
}
}  // namespace

int main(int count, char** words) {
    const Options options = parse(count, words);
    if (options.account.empty() || options.fps < 1 || options.frames < 1) {
        std::fprintf(stderr, "usage: %s ACCOUNT [SOCKET] [--frames N] [--fps N]\n", words[0]);
        return 2;
    }
    auto watch = tokenbroker::watch::open(options.account, options.socket);
    if (!watch) {
        std::fprintf(stderr, "%s\n", watch.error().reason);
        return 1;
    }
    auto reader = watch->open_reader();
    if (!reader) return 1;
    watch->wait(5'000);  // a loading screen; the game goes on without a token, too

    tb_error shown = TB_E_NOT_YET;
    std::int64_t generation = -1;
    auto next = std::chrono::steady_clock::now();
    for (long frame = 0; frame < options.frames; ++frame) {
        const tokenbroker::token_view token = reader->read();
        if (token && token.generation() != generation) {
            generation = token.generation();
            std::printf("generation %lld, a header %.*s of %zu bytes\n",
                        static_cast<long long>(generation),
                        static_cast<int>(token.header_name().size()), token.header_name().data(),
                        token.header_value().size());
            std::fflush(stdout);
        }
        if (frame % options.fps == 0) show(watch->status(), shown);
        next += std::chrono::microseconds(1'000'000 / options.fps);
        std::this_thread::sleep_until(next);
    }
    return generation < 0 ? 1 : 0;
}
