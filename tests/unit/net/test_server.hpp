// A small HTTP server over TLS (or plain) on loopback whose every connection follows a script, so
// that a test can break it at any byte. Blocking OpenSSL, one thread a connection: what it does is
// not what we test.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "certificates.hpp"

namespace tb::net::test {

inline std::string reply_of(std::string_view body, std::string_view more_headers = {}) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + std::string(more_headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class TestServer;

// One connection as its script sees it.
class Peer {
  public:
    Peer(TestServer& server, int fd, int number) : server_(server), fd_(fd), number_(number) {}
    // Headers and a body by Content-Length; false if the client closed instead.
    bool read_request();
    const std::string& request() const { return request_; }
    bool send(std::string_view bytes);
    void hold();  // until the client closes
    void wait_for_byte();
    void reset();         // RST
    void cut();           // FIN, without a close_notify
    void close_notify();  // the polite end
    bool handshake();
    int number() const { return number_; }  // of the connection, from 1
    int fd() const { return fd_; }

  private:
    friend class TestServer;
    int read(char* at, int n);
    TestServer& server_;
    int fd_;
    int number_;
    SSL* ssl_ = nullptr;
    std::string request_;
};

using Script = std::function<void(Peer&)>;
void serve_all(Peer& peer);  // 200 {"ok":true} to each request

struct ServerOptions {
    bool plain = false;
    int version_max = 0;  // TLS1_1_VERSION, ...; 0 = the newest
    Script script = serve_all;
    // Instead of the handshake and the script.
    Script raw{};
    int backlog = 64;
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    bool accepts = true;  // false: nobody ever accepts
};

class TestServer {
  public:
    explicit TestServer(const Identity* identity, ServerOptions options = {});
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    std::uint16_t port() const { return port_; }
    std::string origin(const std::string& host = "localhost") const;
    int connections() const { return connections_; }
    int closed() const { return closed_; }
    int resumed() const { return resumed_; }
    int requests() const { return requests_; }
    std::string last_request() const;
    std::string last_server_name() const;
    void wait_for_closed(int n);             // at most 20 s
    void wait_for_requests(int n);           // at most 20 s
    void replace(const Identity& identity);  // for later connections

  private:
    friend class Peer;
    void accept_all();
    void run(int fd, int number);

    ServerOptions options_;
    SSL_CTX* context_ = nullptr;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<int> closed_{0};
    std::atomic<int> resumed_{0};
    std::atomic<int> requests_{0};
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::set<int> open_;
    std::string last_request_;
    std::string last_server_name_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace tb::net::test
