// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/model/model.hpp"

namespace mhub::text {

Model::Model(const ModelFile& file) {
  vocabulary_.reserve(file.vocabulary.size());
  for (const ModelFile::Entry& entry : file.vocabulary) vocabulary_.add(entry.token, entry.id);
}

}  // namespace mhub::text
