// The parameters of one Varlink call, read strictly: a wrong type, a missing or an unknown member
// is InvalidParameter with its name.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "proto/message.hpp"

namespace tb::daemon {

class Arguments {
  public:
    explicit Arguments(const proto::Call& call) : object_(call.parameters) {}

    std::string text(std::string_view name, std::size_t bytes_max);  // required
    std::optional<std::string> optional_text(std::string_view name, std::size_t bytes_max);
    std::optional<std::int64_t> integer(std::string_view name, std::int64_t least,
                                        std::int64_t most);
    std::optional<bool> boolean(std::string_view name);
    std::vector<std::string> texts(std::string_view name, std::size_t count_max,
                                   std::size_t bytes_max, bool required);
    std::vector<std::pair<std::string, std::string>> map(std::string_view name,
                                                         std::size_t count_max,
                                                         std::size_t bytes_max);
    SecretSet secrets(std::string_view name, std::size_t count_max, std::size_t bytes_max);

    // Empty if all was right; else the first wrong parameter. Asks for what was not read too.
    std::string wrong();

  private:
    const boost::json::value* find(std::string_view name);
    void bad(std::string_view name) {
        if (wrong_.empty()) wrong_ = name;
    }
    const boost::json::object& object_;
    std::vector<std::string_view> read_;
    std::string wrong_;
};

}  // namespace tb::daemon
