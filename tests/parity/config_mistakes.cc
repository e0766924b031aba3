#include "tests/parity/mistakes.h"

namespace fairlead::testing {
namespace {

// Whether each layer slides, as the configuration means it.
std::vector<bool> Sliding(const Json& config) {
  std::vector<bool> sliding;
  const auto layers = config["num_hidden_layers"].get<size_t>();
  for (size_t i = 0; i < layers; ++i) {
    sliding.push_back(config.contains("layer_types")
                          ? config["layer_types"][i] == "sliding_attention"
                          : i % 2 == 0);
  }
  return sliding;
}

void SetLayers(Json& config, const std::vector<bool>& sliding) {
  config["layer_types"] = Json::array();
  for (bool slides : sliding) {
    config["layer_types"].push_back(slides ? "sliding_attention" : "full_attention");
  }
}

int64_t Number(const Json& config, const char* key, int64_t fallback) {
  return config.contains(key) ? config[key].get<int64_t>() : fallback;
}

// The rope block; what the class says where there is none.
Json& Rope(Json& config) {
  if (config.contains("rope_scaling")) return config["rope_scaling"];
  if (!config.contains("rope_parameters")) {
    config["rope_parameters"] = {{"rope_type", "yarn"},
                                 {"rope_theta", 150000.0},
                                 {"factor", 32.0},
                                 {"original_max_position_embeddings", 4096},
                                 {"truncate", false}};
  }
  return config["rope_parameters"];
}

Mistake Rewritten(std::string name, std::function<void(Json&)> change) {
  return {.name = std::move(name), .config = std::move(change)};
}

Mistake Set(std::string name, const char* key, Json value) {
  return Rewritten(std::move(name), [key, value](Json& config) { config[key] = value; });
}

Mistake SetRope(std::string name, const char* key, Json value) {
  return Rewritten(std::move(name), [key, value](Json& config) { Rope(config)[key] = value; });
}

Mistake MoreOf(std::string name, const char* key, int64_t fallback, int64_t more) {
  return Rewritten(std::move(name),
                   [=](Json& config) { config[key] = Number(config, key, fallback) + more; });
}

}  // namespace

std::vector<Mistake> ConfigMistakes() {
  return {
      MoreOf("window + 1", "sliding_window", 128, 1),
      MoreOf("window - 1", "sliding_window", 128, -1),
      Rewritten("layer types: full first",
                [](Json& config) {
                  std::vector<bool> layers = Sliding(config);
                  layers.flip();
                  SetLayers(config, layers);
                }),
      Rewritten("layer types: always alternating",
                [](Json& config) { config.erase("layer_types"); }),
      Rewritten("layer types: all full",
                [](Json& config) {
                  SetLayers(config, std::vector<bool>(Sliding(config).size(), false));
                }),
      Rewritten(
          "layer types: all sliding",
          [](Json& config) { SetLayers(config, std::vector<bool>(Sliding(config).size(), true)); }),
      SetRope("attention factor 1", "attention_factor", 1.0),
      Rewritten("attention factor of the config ignored",
                [](Json& config) { Rope(config).erase("attention_factor"); }),
      SetRope("truncate always true", "truncate", true),
      SetRope("truncate always false", "truncate", false),
      Rewritten("truncate false when absent",
                [](Json& config) {
                  if (!Rope(config).contains("truncate")) Rope(config)["truncate"] = false;
                }),
      SetRope("theta 150000 always", "rope_theta", 150000.0),
      SetRope("theta 10000 always", "rope_theta", 10000.0),
      SetRope("YaRN off", "rope_type", "default"),
      Rewritten("YaRN beta 32/1 always",
                [](Json& config) {
                  Rope(config)["beta_fast"] = 32.0;
                  Rope(config)["beta_slow"] = 1.0;
                }),
      Rewritten("original positions: max_position_embeddings",
                [](Json& config) { Rope(config).erase("original_max_position_embeddings"); }),
      Rewritten("original positions: initial_context_length",
                [](Json& config) {
                  if (!config.contains("initial_context_length")) return;
                  Rope(config)["original_max_position_embeddings"] =
                      config["initial_context_length"];
                }),
      MoreOf("top-k + 1", "num_experts_per_tok", 4, 1),
      MoreOf("top-k - 1", "num_experts_per_tok", 4, -1),
      Set("top-k 4 always", "num_experts_per_tok", 4),
      Rewritten("top-k from experts_per_token",
                [](Json& config) {
                  if (!config.contains("experts_per_token")) return;
                  config["num_experts_per_tok"] = config["experts_per_token"];
                }),
      Set("swiglu_limit absent", "swiglu_limit", 1e30),
      Set("swiglu_limit 7 always", "swiglu_limit", 7.0),
      Set("alpha 1", "swiglu_alpha", 1.0),
      Set("swiglu_alpha 1.702 always", "swiglu_alpha", 1.702),
      Set("eps 0", "rms_norm_eps", 0.0),
      Set("eps 1e-5 always", "rms_norm_eps", 1e-5),
      Set("eps 1e-6 always", "rms_norm_eps", 1e-6),
  };
}

}  // namespace fairlead::testing
