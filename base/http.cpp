// Names and look-ups of the exchange values.
#include "base/http.hpp"

namespace tb {

std::string_view to_string(FailureClass failure) {
    switch (failure) {
        case FailureClass::retry:
            return "RETRY";
        case FailureClass::reauth:
            return "REAUTH";
        case FailureClass::config:
            return "CONFIG";
        case FailureClass::never:
            return "NEVER";
        case FailureClass::ambiguous:
            return "AMBIG";
    }
    return "?";
}

const std::string* http::Reply::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers)
        if (name == lower_case_name) return &value;
    return nullptr;
}

}  // namespace tb
