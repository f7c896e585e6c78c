// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/progress.hpp"
#include "mhub/convert/convert.hpp"
#include "mhub/mapping/executor.hpp"

namespace mhub {

// A conversion that several processes carry out together. They see one file system and nothing else of each
// other: each leaves a note beside what it wrote, and the one that finishes believes the notes. What a note
// says is what finishing a file takes: of every chunk a checksum, the CRC-32 that zip archives have, and what
// a cast made of its values.

/// The chunks (numbers in the plan) of part 1 to `of`: all of a rank's file are in one part where there are
/// enough files, so that no two processes write to one; parts have about the same bytes. The same everywhere.
std::vector<std::size_t> chunks_of_part(const CopyPlan& plan, int part, int of);

/// Whether a part has left its note in that folder, for this conversion.
bool has_note(const std::string& folder, const Share& share, const std::string& key);

/// Leaves the note of a part whose chunks are all with the sink. `done` is parallel to `chunks`.
void leave_note(const std::string& folder, const Share& share, const std::string& key, const CopyPlan& plan,
                const std::vector<std::size_t>& chunks, const Executed& done, const TensorSink& sink);

/// Takes all parts over: tells the sink which chunks are there. Returns what `execute` would have. Throws
/// UsageError for a part that is missing, InputError for notes of another conversion, IoError for bytes that
/// are not there.
Executed take_parts(const std::string& folder, int of, const std::string& key, const CopyPlan& plan,
                    TensorSink& sink);

/// The parts that have left no note for this conversion in an output's partial folder.
std::vector<int> missing_parts(const Conversion& conversion, const std::string& output, int of);

/// Processes that were started together, as `run`, have no other way to tell each other: each says beside the
/// output that it has done its part and holds nothing of it any more. Not what a run before them said.
void note_process(const std::string& output, const Share& share, const std::string& run);
/// Waits until all have said so. Throws IoError for one that has not after so many seconds, and Interrupted.
void await_processes(const std::string& output, int of, const std::string& run, double seconds,
                     const Callbacks& callbacks);

/// Forgets that parts were done: they compare what is there with the source when they run again.
void remove_notes(const std::string& folder, int of);

/// Carries out one part of a shared conversion; of one that is done already it only says so.
nlohmann::json convert_part(const Conversion& conversion, const std::string& output,
                            const RunOptions& options);

}  // namespace mhub
