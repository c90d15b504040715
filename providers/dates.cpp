// Strict parsers over a cursor: every form has a fixed shape, and what doesn't fit it exactly is
// garbage. A date is never guessed, for a wrong one would become a lifetime or a waiting time.
#include "providers/dates.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/limits.hpp"

namespace tb::providers {
namespace {

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                  "Friday", "Saturday", "Sunday"};

struct Fields {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Takes pieces off the front; after the first that doesn't fit everything fails.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : left_(text) {}
    Cursor& word(std::string_view expected) {
        ok_ = ok_ && left_.starts_with(expected);
        if (ok_) left_.remove_prefix(expected.size());
        return *this;
    }
    Cursor& number(int digits, int& into) {
        ok_ = ok_ && left_.size() >= static_cast<std::size_t>(digits);
        into = 0;
        for (int i = 0; ok_ && i < digits; ++i) {
            ok_ = is_digit(left_.front());
            into = into * 10 + (left_.front() - '0');
            if (ok_) left_.remove_prefix(1);
        }
        return *this;
    }
    Cursor& weekday(std::size_t letters) {  // 0: the whole name
        for (const std::string_view day : days) {
            const std::string_view name = letters == 0 ? day : day.substr(0, letters);
            if (ok_ && left_.starts_with(name)) return word(name);
        }
        ok_ = false;
        return *this;
    }
    Cursor& month(int& into) {
        for (std::size_t i = 0; i < months.size(); ++i) {
            if (!ok_ || !left_.starts_with(months[i])) continue;
            into = static_cast<int>(i) + 1;
            return word(months[i]);
        }
        ok_ = false;
        return *this;
    }
    Cursor& time(Fields& f) {
        return number(2, f.hour).word(":").number(2, f.minute).word(":").number(2, f.second);
    }
    bool skip(char c) {
        if (!ok_ || left_.empty() || left_.front() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    bool digit_next() const { return ok_ && !left_.empty() && is_digit(left_.front()); }
    bool at_end() const { return ok_ && left_.empty(); }
    bool ok() const { return ok_; }

  private:
    std::string_view left_;
    bool ok_ = true;
};

std::optional<WallTime> to_wall(const Fields& f) {
    using namespace std::chrono;
    const year_month_day date{year{f.year}, month{static_cast<unsigned>(f.month)},
                              day{static_cast<unsigned>(f.day)}};
    if (!date.ok() || f.year < 1970 || f.hour > 23 || f.minute > 59 || f.second > 60)
        return std::nullopt;
    const std::int64_t days_since_epoch = sys_days{date}.time_since_epoch().count();
    const std::int64_t second = std::min(f.second, 59);  // a leap second is the one before it
    return wall_from_ms((days_since_epoch * 86'400 + f.hour * 3'600 + f.minute * 60 + second) *
                        1'000);
}

int year_of(WallTime at) {
    using namespace std::chrono;
    const sys_days day{floor<std::chrono::days>(Millis{to_ms(at)})};
    return static_cast<int>(year_month_day{day}.year());
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) {
    text = trimmed(text);
    Fields f;
    Cursor fixed(text);  // Sun, 06 Nov 1994 08:49:37 GMT
    fixed.weekday(3).word(", ").number(2, f.day).word(" ").month(f.month).word(" ");
    if (fixed.number(4, f.year).word(" ").time(f).word(" GMT").at_end()) return to_wall(f);

    Cursor old(text);  // Sunday, 06-Nov-94 08:49:37 GMT
    old.weekday(0).word(", ").number(2, f.day).word("-").month(f.month).word("-");
    if (old.number(2, f.year).word(" ").time(f).word(" GMT").at_end()) {
        const int this_year = year_of(now);
        f.year += this_year / 100 * 100;
        if (f.year > this_year + 50) f.year -= 100;
        return to_wall(f);
    }

    Cursor c(text);  // Sun Nov  6 08:49:37 1994
    c.weekday(3).word(" ").month(f.month).word(" ");
    if (c.skip(' ')) {
        c.number(1, f.day);
    } else {
        c.number(2, f.day);
    }
    if (c.word(" ").time(f).word(" ").number(4, f.year).at_end()) return to_wall(f);
    return std::nullopt;
}

std::optional<Millis> parse_retry_after(std::string_view text, WallTime date) {
    text = trimmed(text);
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
        constexpr std::int64_t cap = limits::retry_after_max_ms.count() / 1'000;
        std::int64_t seconds = 0;
        for (const char c : text)
            seconds = std::min(cap, seconds * 10 + (c - '0'));
        return Millis{seconds * 1'000};
    }
    const auto at = parse_http_date(text, date);
    if (!at || *at <= date) return std::nullopt;
    return std::min(*at - date, limits::retry_after_max_ms);
}

std::optional<IsoTime> parse_iso8601(std::string_view text) {
    Fields f;
    Cursor c(text);
    c.number(4, f.year).word("-").number(2, f.month).word("-").number(2, f.day);
    if (!c.skip('T') && !c.skip('t')) c.word(" ");
    c.time(f);
    int millis = 0;
    if (c.skip('.')) {
        if (!c.digit_next()) return std::nullopt;
        for (int weight = 100; c.digit_next(); weight /= 10) {
            int digit = 0;
            c.number(1, digit);
            millis += digit * weight;
        }
    }
    int offset_min = 0;
    bool no_zone = false;
    if (c.at_end()) {
        no_zone = true;
    } else if (!c.skip('Z') && !c.skip('z')) {
        const int sign = c.skip('-') ? -1 : 1;
        if (sign == 1) c.word("+");
        int hours = 0;
        int minutes = 0;
        c.number(2, hours).word(":").number(2, minutes);
        if (hours > 23 || minutes > 59) return std::nullopt;
        offset_min = sign * (hours * 60 + minutes);
    }
    if (!c.at_end()) return std::nullopt;
    const auto at = to_wall(f);
    if (!at) return std::nullopt;
    return IsoTime{*at + Millis{millis} - Millis{std::int64_t{offset_min} * 60'000}, no_zone};
}

std::optional<WallTime> told_date_of(const http::Reply& reply) {
    const std::string* date = reply.header("date");
    if (date == nullptr) return std::nullopt;
    return parse_http_date(*date, reply.received_wall);
}

WallTime date_of(const http::Reply& reply) {
    return told_date_of(reply).value_or(reply.received_wall);
}

std::optional<Millis> retry_after_of(const http::Reply& reply) {
    const std::string* header = reply.header("retry-after");
    if (header == nullptr) return std::nullopt;
    return parse_retry_after(*header, date_of(reply));
}

}  // namespace tb::providers
