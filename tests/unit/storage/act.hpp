// Sequences of what a daemon does with its store, for tests that break the disk at each step of
// one: a Ledger in a folder, acts upon it, and what must be in it after each of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fixture.hpp"
#include "storage/ledger.hpp"

namespace tb::storage::test {

// In memory where the system has such a folder: thousands of starts wait for no disk.
std::string quick_folder();

class Bench {
  public:
    explicit Bench(const std::string& folder) : folder_(folder) {}
    Result<void> open();
    void close();  // as a daemon ends
    Ledger& ledger() { return *ledger_; }
    bool is_open() const { return ledger_ != nullptr; }
    // Everything that is stored, in words; an error's text in front of which is '!'.
    std::string describe();
    MemoryLog log;

  private:
    std::string folder_;
    SystemRandom random_;
    std::unique_ptr<Ledger> ledger_;
};

// True when it is done and answered. False: it failed, and is done again as it is.
using Act = std::function<bool(Bench&)>;

struct Sequence {
    const char* name;
    // What is in the folder before: made once, with a disk that works.
    std::function<void(Bench&)> prepare;
    bool log_left;  // the folder is as a kill -9 left it, with changes in the log
    bool open;      // the store is open when the first act begins
    std::function<std::vector<Act>()> acts;
};
const std::vector<Sequence>& sequences();

// A folder's files but what is made anew at each start.
using Files = std::map<std::string, std::string>;
Files files_of(const std::string& folder);
void put(const Files& files, const std::string& folder);

// What is stored before the first act, and after each, with a disk that works.
struct Expected {
    Files start;
    std::vector<std::string> states;
};
Expected expected_of(const Sequence& sequence);

}  // namespace tb::storage::test
