// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <limits>

#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/formats/format.hpp"
#include "mhub/hub/source.hpp"
#include "mhub/text/tokenizer.hpp"
#include "options.hpp"
#include "terminal.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestInput = std::uint64_t{1} << 30;

/// Of a model folder, a tokenizer.json, or a checkpoint of any other kind.
Tokenizer open_tokenizer(const std::string& name, bool silent) {
  ProgressBar bar(silent);
  const Source found = resolve_source(name, SourceUse::files, bar.callbacks());
  for (const std::string& note : found.notes) print_note(note);
  const std::string& source = found.path;
  if (const Format* format = find_format(source)) return Tokenizer::from_files(*format->files(source));
  return std::filesystem::is_directory(source) ? Tokenizer::from_directory(source)
                                               : Tokenizer::from_file(source);
}

TokenIds ids_from_json(const nlohmann::json& list, const std::string& origin) {
  const auto is_id = [](const nlohmann::json& id) {
    return id.is_number_unsigned() &&
           id.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<TokenId>::max()};
  };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_id))
    throw InputError(origin + ": expected a list of token ids");
  return list.get<TokenIds>();
}

/// What one call does with each input.
class Job {
 public:
  Job(const CommandLine& line, Tokenizer tokenizer)
      : tokenizer_(std::move(tokenizer)),
        encode_{!line.has("no-special-tokens")},
        decode_{line.has("skip-special-tokens")},
        json_(line.has("json")) {}

  void encode(std::string_view text) const {
    const TokenIds ids = tokenizer_.encode(text, encode_);
    if (json_) return print_json({{"ids", ids}}, kOneLine);
    std::string list;
    for (const TokenId id : ids) list += std::to_string(id) + ',';
    if (!list.empty()) list.pop_back();
    std::cout << list << '\n';
  }

  void decode(const TokenIds& ids) const {
    const std::string text = tokenizer_.decode(ids, decode_);
    if (json_) return print_json({{"text", text}}, kOneLine);
    std::cout << text << '\n';
  }

  /// A file with one JSON value a line: a string to encode or a list of ids to decode.
  void run_lines(const std::string& path, bool decoding) const {
    const std::string content = read_file(path, kLargestInput);
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < content.size();) {
      const std::size_t end = std::min(content.find('\n', begin), content.size());
      const std::string origin = path + ": line " + std::to_string(++number);
      const nlohmann::json value = parse_json(std::string_view(content).substr(begin, end - begin), origin);
      begin = end + 1;
      if (decoding) {
        decode(ids_from_json(value, origin));
      } else if (value.is_string()) {
        encode(value.get_ref<const std::string&>());
      } else {
        throw InputError(origin + ": expected a JSON string");
      }
    }
  }

 private:
  static constexpr int kOneLine = -1;

  Tokenizer tokenizer_;
  EncodeOptions encode_;
  DecodeOptions decode_;
  bool json_;
};

}  // namespace

int tokenize_command(const Arguments& arguments) {
  // A TEXT right behind SOURCE may begin with a dash; elsewhere it stands after "--" then.
  Arguments rest = arguments;
  std::optional<std::string> text;
  if (rest.size() >= 2 && !rest[0].starts_with("-") && !rest[1].starts_with("--")) {
    text = rest[1];
    rest.erase(rest.begin() + 1);
  }
  const bool expects_text = !text && std::none_of(rest.begin(), rest.end(), [](const std::string& argument) {
    return argument.starts_with("--decode") || argument.starts_with("--file") ||
           argument.starts_with("--lines");
  });
  std::vector<std::string> positional{"SOURCE"};
  if (expects_text) positional.push_back("TEXT");
  CommandLine line("mhub tokenize SOURCE TEXT | --decode IDS | --file FILE | --lines FILE", positional);
  line.add()("decode", po::value<std::string>()->implicit_value(""),
             "ids to decode, as 1,2,3; with --lines alone")("file", po::value<std::string>(),
                                                            "encode the whole of this file")(
      "lines", po::value<std::string>(),
      "one JSON value a line: a string to encode, or with --decode a list of ids")(
      "no-special-tokens", "do not add the special tokens that frame a text")(
      "skip-special-tokens", "leave special tokens out of decoded text")(
      "json", "print JSON, one value for each input");
  if (!line.parse(rest)) return 0;
  show(line.has("json") ? Shown::exact : Shown::whole);
  if (expects_text) text = line.get<std::string>("TEXT");
  const bool decodes = line.has("decode");
  const int inputs = (text ? 1 : 0) + (line.has("file") ? 1 : 0) + (line.has("lines") ? 1 : 0) +
                     (decodes && !line.has("lines") ? 1 : 0);
  if (inputs != 1)
    throw UsageError("mhub tokenize needs one of TEXT, --decode IDS, --file FILE and --lines FILE");
  const Job job(line, open_tokenizer(line.get<std::string>("SOURCE"), line.has("json")));
  if (line.has("lines")) {
    job.run_lines(line.get<std::string>("lines"), decodes);
  } else if (decodes) {
    job.decode(parse_token_list<TokenId>(line.get<std::string>("decode")));
  } else {
    job.encode(text ? *text : read_file(line.get<std::string>("file"), kLargestInput));
  }
  return 0;
}

}  // namespace mhub::converters
