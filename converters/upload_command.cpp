// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/hub/upload.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

void print(const Uploaded& done) {
  std::cout << done.repo << '@' << done.revision << " is " << done.commit << ": " << done.files << " files, "
            << done.changed << " of them new or changed\n";
}

}  // namespace

int upload_command(const Arguments& arguments) {
  CommandLine line("mhub upload FOLDER org/name[@branch] [--create [--private]] [--message TEXT] [--json]",
                   {"FOLDER", "REPO"});
  line.add()("create", "make the repository and the branch, where there are none")(
      "private", "with --create: a repository that others do not see")(
      "message", po::value<std::string>(), "of the commit (default: Upload folder using mhub)")(
      "connections", po::value<std::string>()->default_value("8"), "files or parts that are sent at a time")(
      "json", "print JSON");
  if (!line.parse(arguments)) return 0;
  ProgressBar bar(line.has("json"));
  UploadOptions options;
  options.create = line.has("create");
  options.is_private = line.has("private");
  options.message = line.find<std::string>("message").value_or(options.message);
  options.connections = parse_jobs(line.get<std::string>("connections"));
  options.callbacks = bar.callbacks();
  Hub hub(HubSettings::from_environment());
  const Uploaded done =
      upload(hub, line.get<std::string>("FOLDER"), require_repo_id(line.get<std::string>("REPO")), options);
  for (const std::string& note : done.notes) print_note(note);
  for (const std::string& name : done.ignored) print_note(name + ": not uploaded, .gitignore says so");
  if (!line.print_json({{"repository", done.repo},
                        {"revision", done.revision},
                        {"commit", done.commit},
                        {"files", done.files},
                        {"changed", done.changed},
                        {"uploaded_bytes", done.uploaded_bytes},
                        {"ignored", done.ignored}}))
    print(done);
  return 0;
}

}  // namespace mhub::converters
