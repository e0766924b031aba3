#include "cli/generate_statistics.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <vector>

#include "base/json.h"
#include "cli/format.h"

namespace fairlead {
namespace {

double Rate(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
}

double TotalSeconds(const EngineStatistics& engine) {
  return engine.prompt_seconds + engine.generation_seconds;
}

// What the steps took beside the model.
double Overhead(const EngineStatistics& engine) {
  return std::max(0.0, TotalSeconds(engine) - engine.executor_seconds);
}

// "full 3 held, 12 cached, 49 free"
std::string Pages(const KvStatistics& kv) {
  std::vector<std::string> groups;
  groups.reserve(kv.pages.size());
  for (const KvStatistics::Pages& pages : kv.pages) {
    groups.push_back(fmt::format("{} {} held, {} cached, {} free", pages.group, pages.held,
                                 pages.cached, pages.free));
  }
  return fmt::format("{}", fmt::join(groups, "; "));
}

// "400 tokens, 63 recomputed, 812.0 tokens/s": the time is that of both.
std::string PromptLine(const EngineStatistics& engine) {
  const int64_t again = engine.recomputed_tokens;
  return fmt::format("{} tokens, {}{:.1f} tokens/s", engine.prompt_tokens,
                     again > 0 ? fmt::format("{} recomputed, ", again) : "",
                     Rate(engine.prompt_tokens + again, engine.prompt_seconds));
}

void PrintLines(const RunStatistics& statistics) {
  const EngineStatistics& engine = statistics.engine;
  const ProcessMemory memory = ReadProcessMemory();
  std::cerr << fmt::format(
      "prompt: {}\n"
      "generation: {} tokens, {:.1f} tokens/s\n"
      "time to first token: {:.3f} s\n"
      "prefix cache: {} of {} tokens reused, by {} of {} admissions; {} forks\n"
      "preemptions: {}\n"
      "speculation: {} tokens drafted, {} accepted\n"
      "{}; pages: {}\n"
      "engine: {:.3f} s of {:.3f} s in {} steps\n"
      "memory: {} private (RssAnon), {} file-mapped (RssFile)\n",
      PromptLine(engine), engine.generated_tokens,
      Rate(engine.generated_tokens, engine.generation_seconds), statistics.first_token_seconds,
      engine.kv.reused_tokens, engine.kv.looked_up_tokens, engine.kv.hits, engine.kv.admissions,
      engine.kv.forks, engine.preemptions, engine.drafted_tokens, engine.accepted_tokens,
      Describe(statistics.kv_memory), Pages(engine.kv), Overhead(engine), TotalSeconds(engine),
      engine.steps, HumanBytes(memory.anonymous_bytes), HumanBytes(memory.file_mapped_bytes));
}

Json KvJson(const RunStatistics& statistics) {
  const KvStatistics& kv = statistics.engine.kv;
  Json json = {{"bytes", statistics.kv_memory.bytes},
               {"tokens", statistics.kv_memory.tokens},
               {"admissions", kv.admissions},
               {"hits", kv.hits},
               {"looked_up_tokens", kv.looked_up_tokens},
               {"reused_tokens", kv.reused_tokens},
               {"forks", kv.forks},
               {"evictions", kv.evictions},
               {"pages", Json::array()}};
  for (const KvStatistics::Pages& pages : kv.pages) {
    json["pages"].push_back({{"group", pages.group},
                             {"total", pages.total},
                             {"free", pages.free},
                             {"cached", pages.cached},
                             {"held", pages.held}});
  }
  return json;
}

void PrintJson(const RunStatistics& statistics) {
  const EngineStatistics& engine = statistics.engine;
  const ProcessMemory memory = ReadProcessMemory();
  const Json json = {{"steps", engine.steps},
                     {"prompt_tokens", engine.prompt_tokens},
                     {"generated_tokens", engine.generated_tokens},
                     {"recomputed_tokens", engine.recomputed_tokens},
                     {"drafted_tokens", engine.drafted_tokens},
                     {"accepted_tokens", engine.accepted_tokens},
                     {"preemptions", engine.preemptions},
                     {"finished", engine.finished},
                     {"cancelled", engine.cancelled},
                     {"failed", engine.failed},
                     {"prompt_seconds", engine.prompt_seconds},
                     {"generation_seconds", engine.generation_seconds},
                     {"executor_seconds", engine.executor_seconds},
                     {"first_token_seconds", statistics.first_token_seconds},
                     {"kv_cache", KvJson(statistics)},
                     {"anonymous_bytes", memory.anonymous_bytes},
                     {"file_mapped_bytes", memory.file_mapped_bytes}};
  std::cerr << DumpJson(json) << '\n';
}

}  // namespace

std::string Describe(const KvMemory& memory) {
  return fmt::format("KV cache: {} for {} tokens", HumanBytes(memory.bytes), memory.tokens);
}

void PrintStatistics(const RunStatistics& statistics, bool json) {
  if (json) {
    PrintJson(statistics);
  } else {
    PrintLines(statistics);
  }
}

}  // namespace fairlead
