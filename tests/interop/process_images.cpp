// SPDX-License-Identifier: Apache-2.0
// Processes pictures for processors_check.py. Each line of the input is a JSON object
//   {"folder": FOLDER, "backend": "pillow" or "torchvision", "kwargs": {...}, "pictures": [FILES], "prompt":
//   TEXT or null}
// and the output for each a line {"pictures": [{"shape", "rows", "columns", "height", "width"}, ...],
// "prompt": TEXT, "tokens": [...], "seconds": from the file to the numbers} and then the pictures' numbers as
// float32, or a line {"error": ...}.
#include <chrono>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/image/vision_processor.hpp"
#include "mhub/text/tokenizer.hpp"

namespace {

using mhub::ProcessedImage;

std::vector<ProcessedImage> processed(const nlohmann::json& request, const mhub::FileSet& files,
                                      const mhub::VisionProcessor::Options& options, nlohmann::json& answer) {
  std::vector<ProcessedImage> pictures;
  const std::vector<std::string> paths = request.at("pictures");
  if (request.at("prompt").is_null()) {
    const auto images = mhub::image_processor_from_files(files, options);
    for (const std::string& path : paths) pictures.push_back(images->process(mhub::read_image(path), path));
    return pictures;
  }
  const auto processor = mhub::VisionProcessor::from_files(files, options);
  for (const std::string& path : paths)
    pictures.push_back(processor.process(mhub::read_image(path), path, paths.size()));
  const auto text = processor.prompt().filled(request["prompt"].get<std::string>(), pictures);
  answer["prompt"] = text;
  answer["tokens"] = mhub::Tokenizer::from_files(files).encode(text);
  return pictures;
}

void answer(const std::string& line) {
  try {
    const nlohmann::json request = mhub::parse_json(line, "standard input");
    const auto files = mhub::folder_files(request.at("folder").get<std::string>());
    mhub::VisionProcessor::Options options{.images_kwargs = request.at("kwargs")};
    if (request.at("backend") == "pillow") options.backend = mhub::ImageBackend::pillow;
    nlohmann::json out{{"pictures", nlohmann::json::array()}};
    const auto start = std::chrono::steady_clock::now();
    const std::vector<ProcessedImage> pictures = processed(request, *files, options, out);
    out["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const ProcessedImage& one : pictures) {
      out["pictures"].push_back({{"shape", one.shape},
                                 {"rows", one.rows},
                                 {"columns", one.columns},
                                 {"height", one.height},
                                 {"width", one.width}});
    }
    std::cout << mhub::json_text(out) << '\n';
    for (const ProcessedImage& one : pictures)
      std::cout.write(reinterpret_cast<const char*>(one.values.data()),
                      static_cast<std::streamsize>(one.values.size() * sizeof(float)));
  } catch (const mhub::Error& error) {
    std::cout << mhub::json_text({{"error", error.what()}}) << '\n';
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    answer(line);
    std::cout.flush();
  }
}
