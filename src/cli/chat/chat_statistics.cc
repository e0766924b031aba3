#include "cli/chat/chat_statistics.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/format.h"

namespace fairlead {
namespace {

double Per(double amount, double whole) { return whole > 0 ? amount / whole : 0.0; }

}  // namespace

std::string DescribeStatistics(const ChatStatistics& statistics) {
  const EngineStatistics& engine = statistics.run.engine;
  const ProcessMemory memory = ReadProcessMemory();
  std::string text = fmt::format(
      "context: {} of {} tokens ({:.0f}%)", statistics.used, statistics.context,
      100 * Per(static_cast<double>(statistics.used), static_cast<double>(statistics.context)));
  if (statistics.left_out > 0) {
    text += fmt::format(", the oldest {} messages left out", statistics.left_out);
  }
  if (const ModelAnswer* last = statistics.last) {
    text += fmt::format(
        "\nlast answer: {} tokens ({} of them thinking) at {:.1f} tokens/s, the first after {:.2f} "
        "s; prompt {} tokens",
        last->usage.completion_tokens, last->usage.reasoning_tokens,
        Per(static_cast<double>(std::max<int64_t>(last->usage.completion_tokens - 1, 0)),
            last->seconds - last->first_token_seconds),
        last->first_token_seconds, last->usage.prompt_tokens);
  }
  text += fmt::format(
      "\nall answers: {} tokens at {:.1f} tokens/s; prompts: {} tokens read at {:.1f} tokens/s\n"
      "prefix cache: {} of {} prompt tokens found, in {} of {} prompts\n"
      "{}; memory: {} private, {} mapped",
      engine.generated_tokens,
      Per(static_cast<double>(engine.generated_tokens), engine.generation_seconds),
      engine.prompt_tokens, Per(static_cast<double>(engine.prompt_tokens), engine.prompt_seconds),
      engine.kv.reused_tokens, engine.kv.looked_up_tokens, engine.kv.hits, engine.kv.admissions,
      Describe(statistics.run.kv_memory), HumanBytes(memory.anonymous_bytes),
      HumanBytes(memory.file_mapped_bytes));
  return text;
}

}  // namespace fairlead
