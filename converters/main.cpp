// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <iomanip>
#include <iostream>

#include "exit_codes.hpp"
#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "options.hpp"
#include "terminal.hpp"

namespace {

using namespace mhub::converters;

struct Command {
  std::string_view name;
  int (*run)(const Arguments&);
  std::string_view about;
};

constexpr std::array<Command, 11> kCommands{{
    {"inspect", inspect_command, "show a checkpoint: class, sizes, parameters, tensors; reads headers only"},
    {"convert", convert_command, "convert a checkpoint to another format, layout or type"},
    {"verify", verify_command, "compare two checkpoints bit for bit, through the mapping"},
    {"generate", generate_command, "continue a prompt"},
    {"logits", logits_command, "write the logits of given tokens as a float32 .npy file"},
    {"features", features_command,
     "write the features of pictures and texts as a .npy file, or compare them"},
    {"run", run_command, "carry out the conversions of a YAML recipe"},
    {"download", download_command, "bring a model of the Hub into the cache"},
    {"upload", upload_command, "bring a folder to the Hub, as one commit"},
    {"plugins", plugins_command, "list architectures, or show one mapping as a table"},
    {"tokenize", tokenize_command, "encode text with a model's tokenizer, or decode token ids"},
}};

void print_help() {
  std::cout << "mhub " << MHUB_VERSION
            << ": Hugging Face checkpoints to NVIDIA Megatron checkpoints and back\n\n"
            << "usage: mhub COMMAND ...\n\n";
  for (const Command& command : kCommands)
    std::cout << "  " << std::left << std::setw(9) << command.name << ' ' << command.about << '\n';
  std::cout << "\nmhub COMMAND --help shows a command's options. Exit codes: 0 ok, 1 the check failed, 2 bad "
               "usage,\n"
               "3 bad input, 4 I/O error, 70 a bug in mhub or in a plugin, 130 interrupted.\n";
}

/// One line of bounded length on stderr: messages quote what files contain. Where JSON was asked for, the
/// whole message on stdout as well.
int report_error(std::string message, int code, bool json) {
  constexpr std::size_t kLongest = 8192;
  if (json) {
    print_json({{"error", {{"category", category_name(code)}, {"exit_code", code}, {"message", message}}}});
    std::cout.flush();
  }
  std::replace(message.begin(), message.end(), '\n', ' ');
  if (message.size() > kLongest) message = message.substr(0, kLongest) + " ...";
  std::cerr << "mhub: " << printable_text(message) << '\n';
  return code;
}

int run(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return 0;
  }
  if (name == "--version") {
    std::cout << "mhub " << MHUB_VERSION << '\n';
    return 0;
  }
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run({argv + 2, argv + argc});
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  throw mhub::UsageError("unknown command " + name + "; did you mean " + mhub::nearest_name(name, names) +
                         "? mhub --help lists them");
}

}  // namespace

int main(int argc, char** argv) {
  catch_signals();
  const bool json = asks_for_json({argv + std::min(argc, 1), argv + argc});
  try {
    Output output;
    const int code = run(argc, argv);
    output.finish();
    return code;
  } catch (const std::exception&) {
    const Failure failure = failure_of(std::current_exception());
    return report_error(failure.message, failure.code, json);
  }
}
