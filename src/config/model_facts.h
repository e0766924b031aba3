// What the parts that serve a model may know about it without knowing which model it is.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fairlead {

// Layers whose key/value cache has one shape and one window share pages: a KV group.
struct KvGroup {
  std::string name;  // "full" or "sliding"
  int window = 0;    // positions a query sees, itself included; 0 = all
  int layers = 0;    // layers in this group
  int kv_heads = 0;  // of the whole model
  int head_dim = 0;

  // Elements of K plus V that one position takes in all layers of the group.
  int64_t elements_per_token() const { return int64_t{2} * layers * kv_heads * head_dim; }
};

struct ModelFacts {
  std::string model_type;
  std::string chat_format;  // how conversations are written (chat/chat_format.h); empty: unknown
  int64_t vocabulary_size = 0;
  int layers = 0;
  int64_t max_positions = 0;
  std::vector<KvGroup> kv_groups;
  std::vector<int32_t> eos_token_ids;
  // The configuration as people read it: names of config.json and values, defaults filled in.
  std::vector<std::pair<std::string, std::string>> configuration;
};

}  // namespace fairlead
