#include "artifact/option_table.h"

#include <algorithm>
#include <limits>

namespace fairlead {
namespace {

using Info = OptionInfo;
using Options = ExportOptions;

constexpr int64_t kMaxPositions = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxRows = 1 << 20;
constexpr int64_t kMaxDegree = 1024;

}  // namespace

const std::vector<OptionInfo>& OptionTable() {
  static const std::vector<OptionInfo> table = {
      {.name = "checkpoint_id", .kind = Info::Text{&Options::checkpoint_id}},
      {.name = "checkpoint_revision", .kind = Info::Text{&Options::checkpoint_revision}},
      {.name = "batch_size",
       .kind = Info::Count{&Options::batch_size, 1, kMaxRows},
       .group = "Shapes",
       .help = "Sequences alive at once, further ones wait; default: no limit"},
      {.name = "max_batch_size",
       .kind = Info::Alias{"batch_size"},
       .reason = "it is another name of batch_size"},
      {.name = "continuous_batching", .kind = Info::Any{true}},
      {.name = "speculation_length",
       .kind = Info::Only{0},
       .reason =
           "speculation needs no program of its own here; ask for it at run time (--speculate)"},
      {.name = "sequence_length",
       .kind = Info::Count{&Options::sequence_length, 1, kMaxPositions},
       .group = "Shapes",
       .help = "Positions of a sequence; default: the model's limit, at most 4096"},
      {.name = "max_context_length",
       .kind = Info::Count{&Options::max_context_length, 1, kMaxPositions},
       .group = "Shapes",
       .help = "Tokens of the longest prompt; default: sequence_length"},
      {.name = "prefill_chunk_size",
       .kind = Info::Count{&Options::prefill_chunk_size, 0, kMaxRows},
       .group = "Shapes",
       .help = "Tokens of a step while prompts are read; default: the backend's choice"},
      {.name = "n_active_tokens",
       .kind = Info::Follows{[](const Options& options) { return options.sequence_length; }},
       .reason =
           "steps have no fixed number of tokens here, so it can only repeat sequence_length"},
      {.name = "tp_degree",
       .kind = Info::Degree{&Options::tp_degree, kMaxDegree},
       .group = "Ranks",
       .help = "Ranks that split each expert; all ranks split everything else",
       .second_flag = "tensor_parallel_size"},
      {.name = "ep_degree",
       .kind = Info::Degree{&Options::ep_degree, kMaxDegree},
       .group = "Ranks",
       .help = "Groups of ranks, each with its part of the experts",
       .second_flag = "expert_parallel_size"},
      {.name = "pp_degree",
       .kind = Info::Only{1},
       .reason = "layers are not spread over ranks; use tp_degree and ep_degree"},
      {.name = "start_rank_id", .kind = Info::Only{0}, .reason = "all ranks run in one process"},
      {.name = "local_ranks_size",
       .kind = Info::Follows{[](const Options& options) { return int64_t{options.ranks()}; }},
       .reason = "all tp_degree x ep_degree ranks run in one process"},
      {.name = "torch_dtype",
       .kind = Info::Dtype{&Options::torch_dtype},
       .reason = "weights are stored as they are, in bfloat16 or in float32; float16 has too small "
                 "a range",
       .group = "Weights",
       .help = "How weights that are not MXFP4 are stored: auto (as in the checkpoint), bfloat16 "
               "or float32"},
      {.name = "target",
       .kind = Info::Target{&Options::target},
       .reason = "this build has no backend for Neuron devices",
       .group = "Weights",
       .help = "The backend to lay weights out for"},
      {.name = "fused_qkv",
       .kind = Info::Only{false},
       .reason = "q, k and v stay three projections, as in Hugging Face checkpoints"},
      {.name = "glu_mlp", .kind = Info::Only{true}, .reason = "gpt-oss has gated experts"},
      {.name = "capacity_factor",
       .kind = Info::Only{nullptr},
       .reason = "dropping tokens is refused: every token goes to all experts it is routed to"},
      {.name = "embedding_model",
       .kind = Info::Only{false},
       .reason = "the model gives text, not embeddings"},
      {.name = "output_logits",
       .kind = Info::Switch{&Options::output_logits},
       .group = "Results",
       .help = "Recorded; the host always has the logits"},
      {.name = "on_device_sampling",
       .kind = Info::Only{false},
       .reason = "the host samples from the logits"},
      {.name = "max_topk", .kind = Info::Any{256}},
      {.name = "enable_bucketing", .kind = Info::Any{false}},
  };
  return table;
}

bool OptionInfo::recorded() const {
  return std::visit(
      [](const auto& found) {
        return requires { found.member; };
      },
      kind);
}

const OptionInfo* FindOption(std::string_view name) {
  const auto& table = OptionTable();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Info& info) { return info.name == name; });
  return found == table.end() ? nullptr : &*found;
}

Json OptionValue(const OptionInfo& info, const ExportOptions& options) {
  struct Writer {
    const ExportOptions& options;
    Json operator()(const Info::Text& kind) const { return NullIfEmpty(options.*kind.member); }
    Json operator()(const Info::Target& kind) const { return options.*kind.member; }
    Json operator()(const Info::Count& kind) const { return NullIfZero(options.*kind.member); }
    Json operator()(const Info::Degree& kind) const { return options.*kind.member; }
    Json operator()(const Info::Switch& kind) const { return options.*kind.member; }
    Json operator()(const Info::Dtype& kind) const { return TorchDtypeName(options.*kind.member); }
    Json operator()(const Info::Alias& kind) const {
      return OptionValue(*FindOption(kind.of), options);
    }
    Json operator()(const Info::Follows& kind) const { return NullIfZero(kind.value(options)); }
    Json operator()(const Info::Only& kind) const { return kind.value; }
    Json operator()(const Info::Any& kind) const { return kind.value; }

    static Json NullIfZero(int64_t number) { return number == 0 ? Json() : Json(number); }
    static Json NullIfEmpty(const std::string& text) { return text.empty() ? Json() : Json(text); }
  };
  return std::visit(Writer{options}, info.kind);
}

}  // namespace fairlead
