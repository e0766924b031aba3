#include "tokenizer/jsonl.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "base/json.h"

namespace fairlead {
namespace {

template <typename... Args>
tl::unexpected<Error> Malformed(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, "tokenize", "line: {}",
              fmt::format(format, std::forward<Args>(args)...));
}

Status CheckKeys(const Json& request, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : request.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      return Malformed("expected only {}, got {}", fmt::join(known, " and "), Json(key).dump());
    }
  }
  return {};
}

Result<bool> ReadFlag(const Json& request, const char* key) {
  const auto field = request.find(key);
  if (field == request.end()) return false;
  if (field->is_boolean()) return field->get<bool>();
  return Malformed("{}: expected true or false, got {}", key, field->type_name());
}

Result<std::vector<int32_t>> ReadIds(const Json& field) {
  if (!field.is_array()) return Malformed("ids: expected an array, got {}", field.type_name());
  std::vector<int32_t> ids;
  for (const Json& value : field) {
    // An unsigned number above int64's range would look negative here and is refused with them.
    const int64_t id = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
      return Malformed("ids[{}]: expected a token id, got {}", ids.size(),
                       value.is_number() ? value.dump() : value.type_name());
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

Result<Json> EncodeRequest(const Tokenizer& tokenizer, const Json& request) {
  FAIRLEAD_RETURN_IF_ERROR(CheckKeys(request, {"text", "parse_special"}));
  const Json& text = request["text"];
  if (!text.is_string()) return Malformed("text: expected a string, got {}", text.type_name());
  FAIRLEAD_ASSIGN_OR_RETURN(const bool parse_special, ReadFlag(request, "parse_special"));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto ids,
                            tokenizer.Encode(text.get_ref<const std::string&>(), parse_special));
  return Json{{"ids", ids}};
}

Result<Json> StreamIds(const Tokenizer::Pointer& tokenizer, const std::vector<int32_t>& ids) {
  StreamDecoder decoder(tokenizer);
  Json chunks = Json::array();
  for (const int32_t id : ids) {
    FAIRLEAD_ASSIGN_OR_RETURN(std::string chunk, decoder.Push(id));
    chunks.push_back(std::move(chunk));
  }
  return Json{{"chunks", std::move(chunks)}, {"tail", decoder.Flush()}};
}

Result<Json> DecodeRequest(const Tokenizer::Pointer& tokenizer, const Json& request) {
  FAIRLEAD_RETURN_IF_ERROR(CheckKeys(request, {"ids", "stream"}));
  FAIRLEAD_ASSIGN_OR_RETURN(const auto ids, ReadIds(request["ids"]));
  FAIRLEAD_ASSIGN_OR_RETURN(const bool stream, ReadFlag(request, "stream"));
  if (stream) return StreamIds(tokenizer, ids);
  FAIRLEAD_ASSIGN_OR_RETURN(std::string text, tokenizer->Decode(ids));
  return Json{{"text", std::move(text)}};
}

Result<Json> Answer(const Tokenizer::Pointer& tokenizer, std::string_view line) {
  FAIRLEAD_ASSIGN_OR_RETURN(const Json request, ParseJson(line, "tokenize", "line"));
  if (!request.is_object()) return Malformed("expected an object, got {}", request.type_name());
  if (request.contains("text")) return EncodeRequest(*tokenizer, request);
  if (request.contains("ids")) return DecodeRequest(tokenizer, request);
  return Malformed("expected text or ids, got neither");
}

}  // namespace

std::string TokenizeLine(const Tokenizer::Pointer& tokenizer, std::string_view line) {
  const auto answer = Answer(tokenizer, line);
  const Json result = answer ? *answer : Json{{"error", answer.error().message}};
  return DumpJson(result);
}

}  // namespace fairlead
