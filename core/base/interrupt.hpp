// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mhub {

/// From here on SIGINT and SIGTERM only set a flag; a second one ends the process at once.
void catch_interrupts();
/// Throws Interrupted when a signal has come since. Cheap; long work calls it between steps.
void throw_if_interrupted();

}  // namespace mhub
