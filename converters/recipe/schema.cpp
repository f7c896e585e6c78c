// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

#include "keys.hpp"
#include "recipe_file.hpp"
#include "steps.hpp"

namespace mhub::converters {
namespace {

using Json = nlohmann::json;

/// A text with a variable may stand for any value.
const Json kWithVariable{{"type", "string"}, {"pattern", "\\$\\{"}};

Json value_of(KeyKind kind, const std::string& help) {
  Json schema{{"description", help}};
  switch (kind) {
    case KeyKind::number: schema["anyOf"] = {{{"type", "number"}}, kWithVariable}; break;
    case KeyKind::flag: schema["anyOf"] = {{{"type", "boolean"}}, kWithVariable}; break;
    case KeyKind::path: schema["type"] = "string"; break;
    case KeyKind::text: schema["type"] = {"string", "number"}; break;
  }
  return schema;
}

Json list_of(Json item) { return {{"type", "array"}, {"minItems", 1}, {"items", std::move(item)}}; }

Json object(Json properties) {
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

const Json kText{{"type", {"string", "number", "boolean"}}};
const Json kTexts{{"type", "object"}, {"additionalProperties", kText}};

Json step_schema(const StepKind& step) {
  Json properties = Json::object();
  for (const StepKey& key : step_keys()) {
    if (std::string_view(key.step) == step.name) properties[key.name] = value_of(key.kind, key.help);
  }
  const bool has_short = *step.short_key != '\0';
  const Json brief = has_short ? Json({{"type", "string"}}) : Json({{"const", true}});
  return {{"description", step.help}, {"anyOf", {object(properties), brief, {{"enum", {false, nullptr}}}}}};
}

Json matrix_schema() {
  // A value is text, or a map of keys and variables, of which steps are maps themselves.
  const Json map{{"type", "object"}, {"minProperties", 1}};
  Json schema{{"type", "object"}, {"minProperties", 1}};
  schema["properties"] = {{"exclude", list_of(kTexts)}, {"include", list_of(map)}};
  schema["additionalProperties"] = list_of({{"anyOf", {kText, map}}});
  return schema;
}

Json entry_key_schema(const std::string& name) {
  if (name == "needs" || name == "sources")
    return {{"anyOf", {{{"type", "string"}}, list_of({{"type", "string"}})}}};
  if (name == "download") return value_of(KeyKind::flag, "");
  if (name == "parts") return value_of(KeyKind::number, "");
  if (name == "matrix") return matrix_schema();
  return {{"type", "string"}};
}

Json entry_properties() {
  Json properties = Json::object();
  for (const std::span<const ConvertKey> keys : {place_keys(), convert_keys()}) {
    for (const ConvertKey& key : keys) properties[key.name] = value_of(key.kind, key.help);
  }
  for (const Spelling& one : spellings()) {
    properties[one.name] = value_of(find_convert_key(one.key)->kind, std::string("the same as ") + one.key);
  }
  for (const StepKind& step : step_kinds()) properties[step.name] = step_schema(step);
  for (const EntryKey& key : entry_keys()) {
    properties[key.name] = entry_key_schema(key.name);
    properties[key.name]["description"] = key.help;
  }
  return properties;
}

/// The definition of a key, which several maps have.
Json reference(const std::string& name) { return {{"$ref", "#/definitions/" + name}}; }

}  // namespace

nlohmann::json recipe_schema() {
  Json definitions = entry_properties();
  Json entry = Json::object();
  for (const auto& [name, schema] : definitions.items()) entry[name] = reference(name);
  Json defaults = entry;
  for (const char* own : {"name", "matrix", "sources"}) defaults.erase(own);
  Json top = entry;
  top["name"] = {{"type", "string"}, {"description", "of the recipe"}};
  top["description"] = {{"type", "string"}, {"description", "for people"}};
  top["include"] = {{"description", "recipes that are read before this one, relative to it"},
                    {"anyOf", {{{"type", "string"}}, list_of({{"type", "string"}})}}};
  top["variables"] = kTexts;
  top["variables"]["description"] = "texts by name; ${name} stands for one";
  top["defaults"] = object(defaults);
  top["defaults"]["description"] = "keys of every conversion that does not say otherwise";
  top["conversions"] = list_of(object(entry));
  top["conversions"]["description"] = "several; a recipe without them is one conversion itself";
  Json schema = object(top);
  // The draft that yaml-language-server knows best; in it nothing stands beside $ref.
  schema["$schema"] = "http://json-schema.org/draft-07/schema#";
  schema["title"] = "A recipe of mhub run";
  schema["description"] = "recipes/README.md explains the keys";
  schema["definitions"] = std::move(definitions);
  return schema;
}

}  // namespace mhub::converters
