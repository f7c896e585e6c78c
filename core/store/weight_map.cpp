#include "mhub/store/weight_map.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"

namespace fs = std::filesystem;

namespace mhub {

std::map<std::string, std::string> read_weight_map(const std::string& index_path) {
  const nlohmann::json index = parse_json_file(index_path, 256 << 20);
  const auto it = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || it == index.end() || !it->is_object())
    throw InputError(index_path + ": expected an object \"weight_map\"");
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : it->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || fs::path(name).filename() != name || name == "." || name == "..") {
      throw InputError(index_path + ": tensor " + tensor + ": expected a file name, found " + file.dump());
    }
    map.emplace(tensor, name);
  }
  return map;
}

}  // namespace mhub
