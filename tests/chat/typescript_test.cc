// JSON schemas as types, and values as they are written in them. The goldens of render_test show
// that all kinds are as openai-harmony has them; here is what they look like.
#include "chat/harmony/typescript.h"

#include <gtest/gtest.h>

#include "chat/harmony/compact_json.h"

namespace fairlead {
namespace {

std::string TypeOf(std::string_view schema) {
  return TypeScriptType(ParseJson(schema, "test", "schema").value());
}

TEST(TypeScriptType, NestsObjectsAndCommentsTheirProperties) {
  EXPECT_EQ(TypeOf(R"({"type": "object", "required": ["where"], "properties": {
    "where": {"type": "object", "description": "A place.", "properties": {
      "city": {"type": "string", "title": "City", "examples": ["Paris", 5]}}},
    "days": {"type": "array", "items": {"type": "integer"}, "nullable": true, "default": [1, 2.0]},
    "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
    "when": {"description": "Either.", "default": "now", "oneOf": [
      {"type": "string"}, {"type": "number", "description": "Seconds."}]}}})"),
            "{\n"
            "// A place.\n"
            "where:     // A place.\n"
            "{\n"
            "    // City\n"
            "    //\n"
            "    // Examples:\n"
            "    // - \"Paris\"\n"
            "    city?: string,\n"
            "    },\n"
            "days?: number[] | null, // default: [1,2.0]\n"
            "unit?: \"c\" | \"f\", // default: c\n"
            "// Either.\n"
            "// default: \"now\"\n"
            "when?:\n"
            " | string\n"
            " | number // Seconds.\n"
            ",\n"
            "}");
}

TEST(TypeScriptType, IsAnyForWhatItDoesNotKnow) {
  for (const char* schema : {"{}", "true", "5", "[]", R"({"type": "null"})", R"({"$ref": "#/a"})",
                             R"({"anyOf": [{"type": "string"}]})", R"({"type": []})"}) {
    EXPECT_EQ(TypeOf(schema), "any") << schema;
  }
}

TEST(CompactJson, WritesNumbersAsRustDoes) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1", "1"},
      {"-7", "-7"},
      {"18446744073709551615", "18446744073709551615"},
      {"1.0", "1.0"},
      {"-0.0", "-0.0"},
      {"0.5", "0.5"},
      {"1e2", "100.0"},
      {"0.00001", "0.00001"},
      {"0.000001", "1e-6"},
      {"1.25e-7", "1.25e-7"},
      {"1e15", "1000000000000000.0"},
      {"1e16", "1e16"},
      {"1.5e300", "1.5e300"},
      {"5e-324", "5e-324"},
      {"18446744073709551616", "1.8446744073709552e19"},
      // Read as serde_json reads it, which is not the nearest number.
      {"2.7715077941825975e-163", "2.7715077941825978e-163"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(CompactJson(ParseJson(text, "test", "number").value()), expected) << text;
  }
}

TEST(CompactJson, KeepsTheOrderAndEscapesOnlyWhatItMust) {
  const std::string text = R"({"z":[null,true,{}],"a":"\"\\\b\f\n\r\t\u0001/é)"
                           "\x7f"
                           R"("})";
  EXPECT_EQ(CompactJson(ParseJson(text, "test", "value").value()), text);
}

}  // namespace
}  // namespace fairlead
