#include "cli/print_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "base/log.h"
#include "cli/format.h"

namespace fairlead {
namespace {

constexpr size_t kWidth = 120;

// "0-3,5"
std::string IndexList(const std::vector<int64_t>& indices) {
  std::string text;
  for (size_t first = 0, last = 0; first < indices.size(); first = ++last) {
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    fmt::format_to(std::back_inserter(text), "{}{}", first > 0 ? "," : "", indices[first]);
    if (last > first) fmt::format_to(std::back_inserter(text), "-{}", indices[last]);
  }
  return text;
}

// A name around the index of its layer: {"model.layers.", 3, ".self_attn.q_proj.weight"}.
struct LayerName {
  std::string before;
  std::optional<int64_t> layer;
  std::string after;
};

LayerName SplitName(const std::string& name) {
  constexpr size_t kLongest = 9;  // digits of an index
  for (size_t start = 0, end = 0; start < name.size(); start = end + 1) {
    end = std::min(name.find('.', start), name.size());
    const std::string part = name.substr(start, end - start);
    const bool number = !part.empty() && part.size() <= kLongest &&
                        part.find_first_not_of("0123456789") == std::string::npos;
    if (number) return {name.substr(0, start), std::stoll(part), name.substr(end)};
  }
  return {name, std::nullopt, ""};
}

// One parameter, or the same one of all layers that are divided alike.
struct Row {
  LayerName name;
  std::vector<int64_t> layers;
  const ParameterPlan* plan = nullptr;  // of the first

  std::string Title() const {
    if (layers.size() < 2) return plan->name;
    return fmt::format("{}{{{}}}{} x{}", name.before, IndexList(layers), name.after, layers.size());
  }
};

std::vector<Row> CollapseLayers(const std::vector<ParameterPlan>& parameters) {
  std::vector<Row> rows;
  for (const ParameterPlan& parameter : parameters) {
    LayerName name = SplitName(parameter.name);
    const auto alike = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
      return name.layer && row.name.layer && row.name.before == name.before &&
             row.name.after == name.after && row.plan->whole == parameter.whole &&
             row.plan->ranks == parameter.ranks;
    });
    if (alike != rows.end()) {
      alike->layers.push_back(*name.layer);
      continue;
    }
    Row row{std::move(name), {}, &parameter};
    if (row.name.layer) row.layers.push_back(*row.name.layer);
    rows.push_back(std::move(row));
  }
  return rows;
}

// Consecutive ranks whose parts are the same, or follow each other in equal steps.
struct Run {
  size_t first = 0, last = 0;
  bool steps = false;
};

// Whether `b` is what comes after `a` in every dimension in which they differ, and there is one.
bool Follows(const Holding& a, const Holding& b) {
  Holding next = a;
  for (size_t i = 0; i < next.axes.size() && i < b.axes.size(); ++i) {
    std::vector<Range>& held = next.axes[i].held;
    if (next.axes[i] != b.axes[i] && held.size() == 1) held[0].start += held[0].count;
  }
  return a != b && next == b;
}

std::vector<Run> FindRuns(const std::vector<Holding>& ranks) {
  std::vector<Run> runs;
  for (size_t r = 0; r < ranks.size(); ++r) {
    if (!runs.empty()) {
      Run& run = runs.back();
      const bool follows = Follows(ranks[run.last], ranks[r]);
      if (run.first == run.last) run.steps = follows;
      if (run.steps ? follows : ranks[run.last] == ranks[r]) {
        run.last = r;
        continue;
      }
      if (run.first == run.last) run.steps = false;
    }
    runs.push_back({r, r, false});
  }
  return runs;
}

// "rank 3", "ranks 0-7"
std::string RankNames(size_t first, size_t last) {
  return first == last ? fmt::format("rank {}", first) : fmt::format("ranks {}-{}", first, last);
}

std::string_view DimensionName(const ParameterPlan& plan, size_t index) {
  const size_t dimensions = plan.whole.shape.size();
  const size_t inner = plan.use == ParameterUse::kVector ? 1 : 2;  // of one expert, if there are
  if (index + inner < dimensions) return "experts";
  if (inner == 1) return "elements";
  return index + 1 < dimensions ? "rows" : "columns";
}

// "0-31", "0-31 x2, 32-63"
std::string RangesText(const std::vector<Range>& ranges) {
  std::string text;
  for (size_t i = 0, next = 0; i < ranges.size(); i = next) {
    while (next < ranges.size() && ranges[next] == ranges[i]) ++next;
    const int64_t last = ranges[i].start + ranges[i].count - 1;
    fmt::format_to(std::back_inserter(text), "{}{}", i > 0 ? ", " : "", ranges[i].start);
    if (last > ranges[i].start) fmt::format_to(std::back_inserter(text), "-{}", last);
    if (next > i + 1) fmt::format_to(std::back_inserter(text), " x{}", next - i);
  }
  return text;
}

// What the ranks of a run hold: "whole", "experts 0-1; columns 0-31 .. 96-127".
std::string SliceText(const ParameterPlan& plan, const Run& run) {
  const Holding &first = plan.ranks[run.first], &last = plan.ranks[run.last];
  std::string text;
  for (size_t i = 0; i < first.axes.size(); ++i) {
    if (first.axes[i].whole()) continue;
    fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : "; ",
                   DimensionName(plan, i), RangesText(first.axes[i].held));
    if (first.axes[i] != last.axes[i]) text += " .. " + RangesText(last.axes[i].held);
  }
  return text.empty() ? "whole" : text;
}

std::string WhyText(const Holding& holding) {
  return holding.why.empty() && holding.zero ? "zeros" : holding.why;
}

// The line above a parameter's ranks: name, shape, and what all ranks have in common.
struct Heading {
  std::string text;
  bool layout = true;  // whether it says how the ranks store the parameter
  bool why = true;     // and why so
};

Heading MakeHeading(const Row& row) {
  const std::vector<Holding>& ranks = row.plan->ranks;
  const Holding& first = ranks.front();
  Heading heading;
  heading.text = fmt::format("{}  {}", row.Title(), ShapeString(row.plan->whole.shape));
  for (const Holding& holding : ranks) {
    heading.layout &= holding.layout == first.layout;
    heading.why &= WhyText(holding) == WhyText(first);
  }
  if (heading.layout) heading.text += "  " + LayoutId(first.layout);
  const std::string why = WhyText(first);
  if (!heading.why || why.empty()) return heading;
  // Long reasons go below.
  const bool fits = heading.text.size() + 2 + why.size() <= kWidth;
  heading.text += (fits ? "  " : "\n    ") + why;
  return heading;
}

// One line of the table below a heading.
struct Line {
  std::string ranks, slice, shape, bytes, rest;
};

std::vector<Line> LinesOf(const ParameterPlan& plan, const Heading& heading) {
  std::vector<Line> lines;
  for (const Run& run : FindRuns(plan.ranks)) {
    const Holding& holding = plan.ranks[run.first];
    Line line{RankNames(run.first, run.last), SliceText(plan, run), ShapeString(holding.shape),
              HumanBytes(holding.bytes), ""};
    if (!heading.layout) line.rest = LayoutId(holding.layout) + "  ";
    if (!heading.why) line.rest += WhyText(holding);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string ParametersText(const ShardPlan& plan) {
  std::vector<std::pair<Heading, std::vector<Line>>> sections;
  size_t ranks = 0, slice = 0, shape = 0;
  for (const Row& row : CollapseLayers(plan.parameters)) {
    Heading heading = MakeHeading(row);
    std::vector<Line> lines = LinesOf(*row.plan, heading);
    for (const Line& line : lines) {
      ranks = std::max(ranks, line.ranks.size());
      slice = std::max(slice, line.slice.size());
      shape = std::max(shape, line.shape.size());
    }
    sections.emplace_back(std::move(heading), std::move(lines));
  }
  std::string text;
  for (const auto& [heading, lines] : sections) {
    text += heading.text + '\n';
    for (const Line& line : lines) {
      std::string row = fmt::format("  {:<{}}  {:<{}}  {:<{}}  {:>7}  {}", line.ranks, ranks,
                                    line.slice, slice, line.shape, shape, line.bytes, line.rest);
      row.erase(row.find_last_not_of(' ') + 1);
      text += row + '\n';
    }
  }
  return text;
}

std::string MemoryLine(const std::string& name, const RankMemory& memory) {
  return fmt::format("{:<16}{:>12}{:>12}{:>12}{:>12}{:>12}\n", name,
                     HumanCount(static_cast<uint64_t>(memory.parameters)),
                     HumanBytes(memory.weight_bytes), memory.kv_heads,
                     HumanBytes(memory.kv_cache_bytes), HumanBytes(memory.bytes()));
}

std::string MemoryText(const ShardPlan& plan) {
  std::string text =
      fmt::format("memory for {} x {} tokens\n{:<16}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
                  plan.options.batch_size, plan.options.sequence_length, "", "parameters",
                  "weights", "KV heads", "KV cache", "together");
  const std::vector<RankMemory>& ranks = plan.ranks;
  for (size_t first = 0, last = 0; first < ranks.size(); first = ++last) {
    while (last + 1 < ranks.size() && ranks[last + 1] == ranks[first]) ++last;
    text += MemoryLine(RankNames(first, last) + (last > first ? ", each" : ""), ranks[first]);
  }
  if (ranks.size() == 1) return text;
  return text + MemoryLine("all ranks", plan.sum) + MemoryLine("unsharded", plan.whole);
}

// "+12 kB", "-3 B"
std::string Change(int64_t bytes) {
  const auto size = static_cast<uint64_t>(std::abs(bytes));
  return fmt::format("{}{}", bytes < 0 ? '-' : '+', HumanBytes(size));
}

std::string ChangeOf(uint64_t part, uint64_t whole) {
  const auto difference = static_cast<int64_t>(part) - static_cast<int64_t>(whole);
  if (whole == 0) return Change(difference);
  return fmt::format("{} ({:+.1f}%)", Change(difference),
                     100 * static_cast<double>(difference) / static_cast<double>(whole));
}

std::string CostText(const ShardPlan& plan) {
  const ShardingCost& cost = plan.cost;
  std::vector<std::string> reasons;
  const auto add = [&](int64_t bytes, const char* reason) {
    if (bytes != 0) reasons.push_back(fmt::format("{} {}", Change(bytes), reason));
  };
  add(cost.repeated, "held more than once");
  add(cost.dequantised, "dequantised");
  add(cost.padding, "filling up panels");
  std::string text = fmt::format("all ranks against unsharded\n  weights   {}{}{}\n  KV cache  {}",
                                 ChangeOf(plan.sum.weight_bytes, plan.whole.weight_bytes),
                                 reasons.empty() ? "" : ": ", fmt::join(reasons, ", "),
                                 ChangeOf(plan.sum.kv_cache_bytes, plan.whole.kv_cache_bytes));
  if (plan.sum.kv_heads > plan.whole.kv_heads) {
    text += fmt::format(": {} KV heads are held as {}", plan.whole.kv_heads, plan.sum.kv_heads);
  }
  return text + '\n';
}

std::string Legend(const ShardPlan& plan) {
  std::string text =
      R"(Each parameter: name, whole shape, how its ranks store it, and why so. {0-3} x4: of these 4 layers.
Each line below: ranks, the part that each holds, its shape and bytes (of one layer).
)";
  if (plan.options.ranks() > 1) {
    text += R"("0-3 .. 28-31": the ranks' parts follow each other; "0-3 x2": held twice in a row.
)";
  }
  if (!plan.reasons) text += "The checkpoint is not at hand: why it is stored so is not known.\n";
  return text;
}

Json AxisJson(const Axis& axis) {
  Json held = Json::array();
  for (const Range& range : axis.ranges()) held.push_back({range.start, range.count});
  return {{"size", axis.size}, {"held", held}};
}

Json HoldingJson(const Holding& holding) {
  Json axes = Json::array();
  for (const Axis& axis : holding.axes) axes.push_back(AxisJson(axis));
  return {{"axes", axes},           {"shape", holding.shape},
          {"bytes", holding.bytes}, {"layout", LayoutId(holding.layout)},
          {"zero", holding.zero},   {"why", holding.why.empty() ? Json() : Json(holding.why)}};
}

Json MemoryJson(const RankMemory& memory) {
  return {{"parameters", memory.parameters},
          {"weight_bytes", memory.weight_bytes},
          {"kv_heads", memory.kv_heads},
          {"kv_cache_bytes", memory.kv_cache_bytes}};
}

}  // namespace

std::string PlanText(const ShardPlan& plan) {
  const ExportOptions& options = plan.options;
  std::string text = fmt::format("{}: {} rank{}", OneLine(plan.dir.string()), options.ranks(),
                                 options.ranks() > 1 ? "s" : "");
  if (options.ranks() > 1) {
    text += fmt::format(" (tp_degree {}, ep_degree {})", options.tp_degree, options.ep_degree);
  }
  text += '\n';
  text += Legend(plan) + '\n' + ParametersText(plan) + '\n' + MemoryText(plan);
  return options.ranks() > 1 ? text + '\n' + CostText(plan) : text;
}

Json PlanJson(const ShardPlan& plan) {
  Json parameters = Json::array();
  for (const ParameterPlan& parameter : plan.parameters) {
    Json ranks = Json::array();
    for (const Holding& holding : parameter.ranks) ranks.push_back(HoldingJson(holding));
    parameters.push_back({{"name", parameter.name},
                          {"shape", parameter.whole.shape},
                          {"unsharded", HoldingJson(parameter.whole)},
                          {"ranks", ranks}});
  }
  Json ranks = Json::array();
  for (const RankMemory& memory : plan.ranks) ranks.push_back(MemoryJson(memory));
  const ExportOptions& options = plan.options;
  return {{"model", plan.dir.string()},
          {"tp_degree", options.tp_degree},
          {"ep_degree", options.ep_degree},
          {"batch_size", options.batch_size},
          {"sequence_length", options.sequence_length},
          {"parameters", parameters},
          {"ranks", ranks},
          {"all_ranks", MemoryJson(plan.sum)},
          {"unsharded", MemoryJson(plan.whole)},
          {"cost",
           {{"repeated_bytes", plan.cost.repeated},
            {"dequantised_bytes", plan.cost.dequantised},
            {"padding_bytes", plan.cost.padding}}}};
}

}  // namespace fairlead
