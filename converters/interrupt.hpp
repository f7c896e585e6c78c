// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mhub::converters {

/// From here on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
void catch_interrupts();
/// Whether a signal has come since. Cheap.
bool interrupted();

}  // namespace mhub::converters
