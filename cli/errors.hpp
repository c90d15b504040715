// What a Varlink error means to a person and to a script. Pure.
#pragma once

#include "base/error.hpp"
#include "cli/answer.hpp"
#include "ipc/client.hpp"

namespace tb::cli {

// Every error of proto/*.varlink has its exit code here and nowhere else; an unknown name is
// Exit::failed.
Exit exit_code(const ipc::CallError& error);

// One or more lines for standard error: what, why, what to run.
std::string explain(const ipc::CallError& error);

Failure to_failure(const ipc::CallError& error);
// No answer came at all: the daemon is not there, hung up or is silent.
Failure to_failure(const Error& error);

}  // namespace tb::cli
