// SPDX-License-Identifier: Apache-2.0
// Where libFuzzer is not linked: changes the sound files of FUZZ_SEEDS at random for FUZZ_SECONDS, always in
// the same way.
// What ends the process is kept in the file crash-<file> of the current folder.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

/// Ten of a build without sanitizers on a machine that does nothing else.
constexpr unsigned kSeconds = 30;

std::string current;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

void keep_input() {
  std::string name = "crash-" + setting("FUZZ_FILE");
  for (char& c : name)
    if (c == '/') c = '_';
  std::ofstream(name, std::ios::binary) << current;
  std::fprintf(stderr, "fuzz: the input is in %s (%zu bytes)\n", name.c_str(), current.size());
}

[[noreturn]] void on_terminate() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fuzz: not an error of mhub: %s\n", error.what());
  } catch (...) {
  }
  keep_input();
  ::_exit(1);
}

void on_alarm(int) {
  std::fprintf(stderr, "fuzz: more than %u seconds\n", kSeconds);
  keep_input();
  ::_exit(1);
}

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t end) { return end == 0 ? 0 : random() % end; }

/// A number in the text becomes another one that is likely to be wrong.
void change_number(std::string& text, Random& random) {
  static const char* const kNumbers[] = {
      "0",     "-1",  "1",   "2", "255", "65536", "2147483648", "4294967295", "9223372036854775807",
      "1e308", "0.5", "null"};
  const std::size_t from = text.find_first_of("0123456789", below(random, text.size()));
  if (from == std::string::npos) return;
  const std::size_t to = std::min(text.find_first_not_of("0123456789.eE+-", from), text.size());
  text.replace(from, to - from, kNumbers[below(random, std::size(kNumbers))]);
}

void change(std::string& text, Random& random) {
  const std::size_t at = below(random, text.size() + 1), length = 1 + below(random, 16);
  switch (below(random, 8)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(random, 8)));
      break;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(random());
      break;
    case 2: text.insert(at, 1, static_cast<char>(random())); break;
    case 3: text.erase(at, length); break;
    case 4: text.insert(at, text.substr(below(random, text.size() + 1), length)); break;
    case 5: text.resize(at); break;
    case 6: {  // a 32-bit number at some place, as binary formats have
      static const std::uint32_t kNumbers[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000};
      const std::uint32_t number = kNumbers[below(random, std::size(kNumbers))];
      for (std::size_t k = 0; k < 4 && at + k < text.size(); ++k)
        text[at + k] = static_cast<char>(number >> (8 * k));
      break;
    }
    default: change_number(text, random);
  }
}

std::vector<std::string> seeds() {
  std::set<std::filesystem::path> names;  // in an order that does not depend on the file system
  for (const auto& entry : std::filesystem::directory_iterator(setting("FUZZ_SEEDS")))
    names.insert(entry.path());
  std::vector<std::string> contents;
  for (const std::filesystem::path& name : names) {
    std::ifstream file(name, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return contents;
}

}  // namespace

int main() {
  const std::vector<std::string> sound = seeds();
  if (sound.empty()) {
    std::fprintf(stderr, "fuzz: FUZZ_SEEDS has no file\n");
    return 2;
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_input);
  std::set_terminate(on_terminate);
  std::signal(SIGALRM, on_alarm);
  Random random(7);
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(std::atol(setting("FUZZ_SECONDS").c_str()));
  std::size_t inputs = 0;
  do {
    current = sound[inputs % sound.size()];
    for (std::size_t k = 1 + below(random, 4); inputs >= sound.size() && k > 0; --k) change(current, random);
    ::alarm(kSeconds);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
    ::alarm(0);
    ++inputs;
  } while (std::chrono::steady_clock::now() < end);
  std::printf("%zu inputs\n", inputs);
  return 0;
}
