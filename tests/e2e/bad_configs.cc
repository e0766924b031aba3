#include <fstream>

#include "tests/e2e/bad_input.h"
#include "tests/e2e/checkpoints.h"
#include "tests/e2e/program.h"

namespace fairlead::e2e {
namespace {

namespace fs = std::filesystem;

// config.json with one value changed.
BadModel With(const std::string& name, const std::string& key, const std::string& value,
              const std::string& message) {
  return {name, [=](const fs::path& model) { SetJson(model / "config.json", key, value); },
          message};
}

BadModel Without(const std::string& name, const std::string& key, const std::string& message) {
  return {name,
          [=](const fs::path& model) {
            EditJson(model / "config.json", [&](Json& json) { json.erase(key); });
          },
          message};
}

// config.json as nothing but this text.
BadModel Whole(const std::string& name, const std::string& text, const std::string& message) {
  return {name, [=](const fs::path& model) { std::ofstream(model / "config.json") << text; },
          message};
}

// config.json with some of its text replaced.
BadModel Text(const std::string& name, const std::string& from, const std::string& to,
              const std::string& message) {
  return {name, [=](const fs::path& model) { ReplaceText(model / "config.json", from, to); },
          message};
}

BadModel Rope(const std::string& name, const std::string& value, const std::string& message) {
  return With(name, "rope_scaling", value, message);
}

}  // namespace

// The base has hidden_size 64, 8 heads of 16, 2 kv heads, 8 experts, 2 layers, MXFP4.
std::vector<BadModel> BadConfigs() {
  const std::string size = "expected an integer from 1 to 16777216, got ";
  return {
      {"ModelTypeMissingAndArchitectureUnknown",
       [](const fs::path& model) {
         EditJson(model / "config.json", [](Json& json) {
           json.erase("model_type");
           json["architectures"] = {"LlamaForCausalLM"};
         });
       },
       "model_type: expected gpt_oss, got \"\" (architectures: [LlamaForCausalLM])"},
      With("ModelTypeUnknown", "model_type", "\"llama\"",
           "model_type: expected gpt_oss, got \"llama\" (architectures: [GptOssForCausalLM])"),
      With("ModelTypeANumber", "model_type", "3", "model_type: expected a string, got 3"),
      With("ArchitecturesAWord", "architectures", "\"GptOssForCausalLM\"",
           "architectures: expected a list of strings, got \"GptOssForCausalLM\""),
      Without("VocabularyMissing", "vocab_size", "vocab_size: " + size + "nothing"),
      Without("HiddenSizeMissing", "hidden_size", "hidden_size: " + size + "nothing"),
      Without("LayersMissing", "num_hidden_layers",
              "num_hidden_layers: expected an integer from 1 to 4096, got nothing"),
      With("HiddenSizeAWord", "hidden_size", "\"64\"", "hidden_size: " + size + "\"64\""),
      With("HiddenSizeAFraction", "hidden_size", "64.5", "hidden_size: " + size + "64.5"),
      With("HiddenSizeNull", "hidden_size", "null", "hidden_size: " + size + "nothing"),
      With("HiddenSizeZero", "hidden_size", "0", "hidden_size: " + size + "0"),
      With("VocabularyNegative", "vocab_size", "-131", "vocab_size: " + size + "-131"),
      With("VocabularyOf2To62", "vocab_size", "4611686018427387904",
           "vocab_size: " + size + "4611686018427387904"),
      With("IntermediateSizeOf2To64", "intermediate_size", "18446744073709551615",
           "intermediate_size: " + size + "18446744073709551615"),
      With("HeadsBeyondAnyInteger", "num_attention_heads", "1e30",
           "num_attention_heads: " + size + "1e+30"),
      With("LayersOf2To62", "num_hidden_layers", "4611686018427387904",
           "num_hidden_layers: expected an integer from 1 to 4096, got 4611686018427387904"),
      With("LayersMoreThanTheFileHas", "num_hidden_layers", "3", "layer_types: expected 3 entries"),
      With("HeadDimOdd", "head_dim", "15", "head_dim: expected an even number"),
      With("HeadDimHuge", "head_dim", "4611686018427387904", "head_dim: expected an integer"),
      With("HeadsNotDivisible", "num_key_value_heads", "3",
           "num_key_value_heads: expected a divisor of num_attention_heads (8), got 3"),
      With("MoreKvHeadsThanHeads", "num_key_value_heads", "16",
           "num_key_value_heads: expected a divisor of num_attention_heads (8), got 16"),
      With("ExpertsPerTokenTooMany", "num_experts_per_tok", "9",
           "num_experts_per_tok: expected an integer from 1 to 8, got 9"),
      With("LayerTypesTooFew", "layer_types", "[\"full_attention\"]",
           "layer_types: expected 2 entries, one a layer, got 1"),
      With("LayerTypeUnknown", "layer_types", "[\"full_attention\",\"linear_attention\"]",
           "layer_types: expected \"sliding_attention\" or \"full_attention\", got "
           "\"linear_attention\""),
      With("LayerTypesNumbers", "layer_types", "[1,2]",
           "layer_types: expected a list of strings, got [1,2]"),
      With("WindowZero", "sliding_window", "0", "sliding_window: expected an integer from 1 to"),
      With("WindowNull", "sliding_window", "null",
           "sliding_window: expected a number, as layer_types has sliding layers, got null"),
      With("PositionsHuge", "max_position_embeddings", "4611686018427387904",
           "max_position_embeddings: expected an integer from 1 to"),
      Rope("RopeTypeUnknown", R"({"rope_type":"llama3","factor":2})",
           "rope_scaling: rope_type: expected \"yarn\" or \"default\", got \"llama3\""),
      Rope("RopeAWord", "\"yarn\"", "rope_scaling: expected an object, got \"yarn\""),
      Rope("RopeFactorNegative", R"({"rope_type":"yarn","factor":-1})",
           "rope_scaling: factor: expected a number from"),
      With("ThetaZero", "rope_theta", "0", "rope_theta: expected a number from"),
      With("EpsilonAWord", "rms_norm_eps", "\"small\"", "rms_norm_eps: expected a number from"),
      With("ActivationUnknown", "hidden_act", "\"gelu\"", "hidden_act: expected \"silu\", got"),
      With("BiasANumber", "attention_bias", "1", "attention_bias: expected true or false, got 1"),
      With("QuantizationUnknown", "quantization_config", R"({"quant_method":"gptq"})",
           "quantization_config: quant_method: expected \"mxfp4\", got \"gptq\""),
      With("QuantizationWithoutMethod", "quantization_config", "{}",
           "quantization_config: quant_method: expected a string, got nothing"),
      With("HiddenSizeNoMultipleOf32", "hidden_size", "72",
           "hidden_size: expected a multiple of 32, the MXFP4 block, got 72"),
      With("IntermediateSizeNoMultipleOf32", "intermediate_size", "48",
           "intermediate_size: expected a multiple of 32, the MXFP4 block, got 48"),
      With("EndTokenOutsideTheVocabulary", "eos_token_id", "131",
           "eos_token_id: expected integers from 0 to 130, got 131"),
      With("HiddenSizeOfAnotherModel", "hidden_size", "128",
           "expected shape [131, 128], got [131, 64]"),
      Whole("ConfigEmpty", "", "config.json: invalid JSON at byte 1"),
      Whole("ConfigAList", "[]", "config.json: expected an object, got array"),
      Whole("ConfigDeeplyNested", std::string(100000, '['), "nested deeper than 64 levels"),
      Whole("ConfigOfBinaryData", std::string("\0\x01\x02", 3),
            "config.json: invalid JSON at byte"),
      {"ConfigTruncated",
       [](const fs::path& model) { fs::resize_file(model / "config.json", 300); },
       "config.json: invalid JSON at byte"},
      Text("ConfigNotUtf8", "\"silu\"", "\"sil\xff\"", "config.json: invalid JSON at byte"),
      Text("ConfigWithADuplicateKey", "\"vocab_size\"", "\"vocab_size\": 1, \"vocab_size\"",
           "config.json: duplicate key \"vocab_size\""),
      Text("ConfigWithAComment", "{", "{ // sizes", "config.json: invalid JSON at byte"),
      {"ConfigAFolder",
       [](const fs::path& model) {
         fs::remove(model / "config.json");
         fs::create_directory(model / "config.json");
       },
       "config.json: expected a regular file"},
      {"GenerationConfigBroken",
       [](const fs::path& model) { std::ofstream(model / "generation_config.json") << "{"; },
       "generation_config.json: invalid JSON at byte"},
      {"GenerationEndTokenAWord",
       [](const fs::path& model) {
         std::ofstream(model / "generation_config.json") << R"({"eos_token_id":"stop"})";
       },
       "generation_config.json: eos_token_id: expected integers from 0 to 130, got \"stop\""},
  };
}

}  // namespace fairlead::e2e
