// SPDX-License-Identifier: Apache-2.0
// One foreign file in a folder that is sound otherwise, read by everything that reads such a folder. Errors
// of mhub are fine; any other exception, a crash, a sanitizer's report, an allocation of a GB and an input
// that takes ten seconds (thirty with sanitizers) are not. FUZZ_FOLDER is the sound folder, FUZZ_FILE the
// file's name in it.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "converters/recipe/recipe.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/formats/checkpoint.hpp"
#include "mhub/image/vision_processor.hpp"
#include "mhub/runtime/generation_config.hpp"
#include "mhub/text/chat_template/chat_template.hpp"
#include "mhub/text/tokenizer.hpp"

namespace {

namespace fs = std::filesystem;
using namespace mhub;

std::string required(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    std::fprintf(stderr, "%s is not set\n", name);
    std::exit(2);
  }
  return value;
}

/// A copy of the folder, which goes with the process.
class Work {
 public:
  Work() : path_(fs::temp_directory_path() / ("mhub-fuzz-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::copy(required("FUZZ_FOLDER"), path_, fs::copy_options::recursive);
  }
  ~Work() { fs::remove_all(path_); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  std::string folder() const { return path_.string(); }
  std::string file() const { return (path_ / required("FUZZ_FILE")).string(); }

 private:
  fs::path path_;
};

template <typename Read>
void tried(const Read& read) {
  try {
    read();
  } catch (const Error&) {
  }
}

void read_checkpoint(const std::string& folder) {
  const Checkpoint checkpoint = open_checkpoint(folder);
  tried([&] { runtime::load_generation_config(checkpoint); });
  verify(checkpoint, checkpoint);
}

void read_tokenizer(const std::string& folder) {
  const Tokenizer tokenizer = Tokenizer::from_directory(folder);
  const TokenIds ids = tokenizer.encode("Hello, abc  aabb\n\u00e9\u4e16 <s>tool</s> 123");
  tokenizer.decode(ids);
  tokenizer.decode(ids, {.skip_special_tokens = true});
}

void render_template(const std::string& folder) {
  ChatRequest request;
  request.messages = {{{"role", "system"}, {"content", "Be brief."}},
                      {{"role", "user"}, {"content", "Hello"}}};
  request.add_generation_prompt = true;
  const std::string name = folder + "/chat_template.jinja";
  if (fs::exists(name)) ChatTemplate(read_file(name, 1 << 20), {}, name).render(request);
}

void process_picture(const std::string& folder, ImageBackend backend) {
  const auto files = folder_files(folder);
  const Image picture{20, 31, std::vector<std::uint8_t>(20 * 31 * 3, 77)};
  image_processor_from_files(*files, {.backend = backend});
  const auto processor = VisionProcessor::from_files(*files, {.backend = backend});
  const ProcessedImage processed = processor.process(picture, "picture");
  processor.prompt().filled("a " + processor.prompt().placeholder(), {&processed, 1});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Work work;
  std::ofstream(work.file(), std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  tried([] { read_checkpoint(work.folder()); });
  tried([] { read_tokenizer(work.folder()); });
  tried([] { render_template(work.folder()); });
  tried([] { converters::read_recipe(work.folder() + "/recipe.yaml", {}); });
  tried([] {
    resized(read_image(work.folder() + "/picture"), 8, 8, Resample::bicubic, ImageBackend::pillow, "picture");
  });
  for (const ImageBackend backend : {ImageBackend::pillow, ImageBackend::torchvision})
    tried([&] { process_picture(work.folder(), backend); });
  return 0;
}
