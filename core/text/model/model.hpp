// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mhub/text/settings.hpp"
#include "mhub/text/token_id.hpp"
#include "mhub/text/vocabulary.hpp"

namespace mhub::text {

/// The "model" object of a tokenizer.json: the settings as JSON, the two long lists apart.
struct ModelFile {
  struct Entry {
    std::string token;
    TokenId id = 0;
    double score = 0;  ///< Unigram: log probability
  };
  nlohmann::json settings = nlohmann::json::object();
  bool scored = false;  ///< "vocab" was a list of [token, score]; ids count from 0
  std::vector<Entry> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  ///< BPE: best first
  std::string origin;                                       ///< file and key, for errors
};

/// Encodes one piece of text. Immutable; every thread needs a scratch of its own.
class Model {
 public:
  /// What a model remembers between pieces; made by the model that uses it.
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };

  explicit Model(const ModelFile& file);
  virtual ~Model() = default;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  /// Appends the ids of `piece`, valid UTF-8 and not empty. Throws InputError for text that the model has no
  /// token for, not even an unknown one.
  virtual void encode(std::string_view piece, TokenIds& ids, Scratch& scratch) const = 0;
  /// The name of the kind in tokenizer.json.
  virtual std::string_view kind() const = 0;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
};

/// Throws InputError.
std::unique_ptr<Model> make_model(const ModelFile& file);

}  // namespace mhub::text
