// Which degrees of parallelism gpt-oss can be divided by.
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "models/gpt_oss/gpt_oss.h"

namespace fairlead {
namespace {

// Why a configuration cannot be divided, or nothing when it can.
std::optional<std::string> Obstacle(const GptOssConfig& config, int64_t tp, int64_t ep) {
  const int64_t ranks = tp * ep;
  if (config.num_local_experts % ep != 0) {
    return fmt::format("{} experts do not divide among {} groups", config.num_local_experts, ep);
  }
  if (config.num_attention_heads % ranks != 0) {
    return fmt::format("{} query heads do not divide among {} ranks", config.num_attention_heads,
                       ranks);
  }
  if (config.intermediate_size < tp) {
    return fmt::format("an intermediate size of {} is too small for {} ranks",
                       config.intermediate_size, tp);
  }
  if (config.vocab_size < ranks) {
    return fmt::format("a vocabulary of {} is too small for {} ranks", config.vocab_size, ranks);
  }
  return std::nullopt;
}

// The numbers from 1 to `most` that `valid` accepts, for people.
template <typename Valid>
std::string List(int64_t most, const Valid& valid) {
  std::vector<int64_t> degrees;
  for (int64_t degree = 1; degree <= most; ++degree) {
    if (valid(degree)) degrees.push_back(degree);
  }
  return degrees.empty() ? "none" : fmt::format("{}", fmt::join(degrees, ", "));
}

}  // namespace

Status CheckDegrees(const GptOssConfig& config, int64_t tp_degree, int64_t ep_degree) {
  const int64_t heads = config.num_attention_heads;
  std::string problem;
  if (tp_degree < 1 || ep_degree < 1 || tp_degree > heads || ep_degree > heads) {
    problem = fmt::format("degrees are from 1 to {}, the number of query heads", heads);
  } else if (const auto obstacle = Obstacle(config, tp_degree, ep_degree)) {
    problem = *obstacle;
  } else {
    return {};
  }
  const int64_t tp = std::clamp<int64_t>(tp_degree, 1, heads);
  const int64_t ep = std::clamp<int64_t>(ep_degree, 1, heads);
  return Fail(ErrorCode::kInvalidArgument, "gpt_oss",
              "tp_degree {} x ep_degree {}: {}; valid tp_degree with ep_degree {}: {}; valid "
              "ep_degree with tp_degree {}: {}",
              tp_degree, ep_degree, problem, ep,
              List(heads, [&](int64_t degree) { return !Obstacle(config, degree, ep); }), tp,
              List(heads, [&](int64_t degree) { return !Obstacle(config, tp, degree); }));
}

}  // namespace fairlead
