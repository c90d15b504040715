// See issuer.hpp.
#include "tests/simulation/issuer.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "tests/simulation/checks.hpp"

namespace tb::sim {
namespace {

constexpr Millis grace{3'600'000};
// A refresh token that was lost longer ago than this may have outlived its grace.
constexpr std::int64_t grace_left_ms = 3'000'000;

int number_at(std::string_view text) {
    int n = -1;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

std::string token_of(std::string_view kind, std::uint32_t family, int number) {
    std::string out;
    fmt::format_to(std::back_inserter(out), "{}-{}-{}", kind, family, number);
    return out;
}

}  // namespace

const char* to_string(OldGrant policy) {
    constexpr const char* names[] = {"reject", "grace", "revoke_family", "still_valid"};
    return names[static_cast<std::size_t>(policy)];
}

Family& Issuer::enrol(std::string account, OldGrant policy, bool rotates, Millis lifetime,
                      Millis grant_life) {
    Family& family = families_.emplace_back();
    family.id = static_cast<std::uint32_t>(families_.size() - 1);
    family.account = std::move(account);
    family.policy = policy;
    family.rotates = rotates;
    family.lifetime = lifetime;
    family.grant_life = grant_life;
    family.rotated_ms = now_ms();
    const auto [budget, first] = budgets_.try_emplace(family.account);
    family.budget = &budget->second;
    if (first) family.budget->at_ms = now_ms();
    return family;
}

void Issuer::credit(std::string_view account, double calls) {
    const auto found = budgets_.find(account);
    if (found != budgets_.end()) found->second.left += calls;
}

void Issuer::credit_all(double calls) {
    for (auto& [account, budget] : budgets_)
        budget.left += calls;
}

std::string Issuer::refresh_token(const Family& family, int number) {
    return token_of("rt_test", family.id, number);
}

std::string Issuer::access_token(const Family& family, int number) {
    return token_of("at_test", family.id, number);
}

Issuer::Named Issuer::named(std::string_view token) {
    const std::size_t second = token.rfind('-');
    if (second == std::string_view::npos || second == 0) return {};
    const std::size_t first = token.rfind('-', second - 1);
    if (first == std::string_view::npos) return {};
    const int id = number_at(token.substr(first + 1, second - first - 1));
    Family* family = id < 0 ? nullptr : by_id(static_cast<std::uint32_t>(id));
    return {family, number_at(token.substr(second + 1))};
}

void Issuer::acknowledged(std::string_view refresh_token) {
    const Named one = named(refresh_token);
    const bool ours = refresh_token.starts_with("rt_test") ||
                      refresh_token.find(".rt_test-") != std::string_view::npos;
    if (one.family == nullptr || !ours) return;
    Family& family = *one.family;
    family.acknowledged = std::max(family.acknowledged, one.number);
    if (family.answer_lost) ++checker_.counts.healed;
    family.answer_lost = false;
}

Issuer::Spent Issuer::spend(Family& family, int number) {
    check_spent_twice(checker_, family, number);
    checker_.happened(1, (std::uint64_t{family.id} << 32) | static_cast<std::uint32_t>(number));
    if (family.revoked || number > family.issued) return Spent::refused;
    if (family.grant_life > Millis{0} && now_ms() - family.rotated_ms > family.grant_life.count())
        return Spent::refused;
    const bool current = number == family.issued;
    if (!current) {
        ++checker_.counts.replays;
        switch (family.policy) {
            case OldGrant::reject:
                return Spent::refused;
            case OldGrant::revoke_family:
                family.revoked = true;
                return Spent::refused;
            case OldGrant::grace:
                if (number == family.issued - 1 && now_ms() - family.rotated_ms <= grace.count())
                    return Spent::same_again;
                return Spent::refused;
            case OldGrant::still_valid:
                break;
        }
    }
    if (family.rotates) ++family.issued;
    family.rotated_ms = now_ms();
    return Spent::renewed;
}

Issuer::Access Issuer::mint(Family& family) {
    ++checker_.counts.renewals;
    ++family.accesses;
    const std::int64_t cheat = options_.canary == Canary::short_lived ? 3 : 1;
    const std::int64_t expires =
        family.lifetime == Millis{0} ? INT64_MAX : now_ms() + family.lifetime.count() / cheat;
    family.expires_ms[static_cast<std::size_t>(family.accesses) % family.expires_ms.size()] =
        expires;
    Access access{access_token(family, family.accesses), family.lifetime,
                  now_ms() + family.lifetime.count()};
    if (options_.canary == Canary::crossed && family.id > 0 && random_.chance(0.05))
        access.token = access_token(families_[family.id - 1], families_[family.id - 1].accesses);
    return access;
}

Issuer::Access Issuer::newest(Family& family) {
    ++checker_.counts.renewals;
    const std::int64_t expires =
        family.expires_ms[static_cast<std::size_t>(family.accesses) % family.expires_ms.size()];
    return {access_token(family, family.accesses),
            Millis{std::max<std::int64_t>(0, expires - now_ms())}, expires};
}

bool Issuer::alive(const Family& family, int number) const {
    if (family.lifetime == Millis{0}) return true;
    const bool kept = number > 0 && number <= family.accesses &&
                      number > family.accesses - static_cast<int>(family.expires_ms.size());
    return kept && family.expires_ms[static_cast<std::size_t>(number) % family.expires_ms.size()] >
                       now_ms();
}

bool Issuer::lost_unavoidably(const Family& family) const {
    if (family.revoked_by_operator) return true;
    if (family.grant_life > Millis{0} && now_ms() - family.rotated_ms > family.grant_life.count())
        return true;
    // The provider rotated and the store never acknowledged the successor: an answer was lost on
    // the way.
    const bool unknown_successor = family.issued > 0 && family.acknowledged < family.issued;
    const bool unforgiving =
        family.policy == OldGrant::reject || family.policy == OldGrant::revoke_family ||
        (family.policy == OldGrant::grace && now_ms() - family.rotated_ms > grace_left_ms);
    return family.rotates && unforgiving && (unknown_successor || family.revoked);
}

std::int64_t Issuer::drift_ms(Millis span) const {
    return 1 + span.count() * std::abs(clock_.drift_ppm()) / 1'000'000;
}

}  // namespace tb::sim
