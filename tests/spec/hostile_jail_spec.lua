-- The system calls that a worker tries out of its jail. The worker is one of
-- the tests' own, the jail is the real one, and each row is a whole run.
local H = require "tests.spec.support.hostile"
local check = H.check

describe("a system call out of the jail", function()
  setup(H.open)
  teardown(H.close)

  local calls = { "openat", "openat2", "socket", "socketpair", "connect",
    "clone", "clone3", "execve", "execveat", "mmap code", "mmap file",
    "mprotect code", "memfd_create", "write 0", "write 1", "write 2",
    "write 4", "writev", "pwrite", "read 0", "readv", "close", "dup", "dup3",
    "fcntl", "ioctl", "sendto", "sendmsg", "recvmsg", "kill the parent",
    "kill its group", "kill all", "tgkill", "pidfd_send_signal", "ptrace",
    "process_vm_readv", "process_vm_writev", "prctl", "seccomp",
    "io_uring_setup", "userfaultfd", "perf_event_open", "bpf", "setrlimit",
    "prlimit64", "getpid", "getppid", "setuid", "unshare", "setsid",
    "getrandom", "clock_gettime", "nanosleep", "rt_sigaction", "rt_sigreturn",
    "shmget", "exit of a thread", "no such call" }
  if io.popen "uname -m":read "l" == "x86_64" then
    for _, name in ipairs { "open", "fork", "vfork", "dup2", "arch_prctl",
      "x32 read", "x32 exit", "32 bits" } do
      calls[#calls + 1] = name
    end
  end

  for i, name in ipairs(calls) do
    it(name, function()
      local stage = i % 8 == 0 and "written" or "read"
      check { name, stage, { "jail", "forbidden " .. name },
        stage == "read" and 2 or 7, "forbidden system call" }
    end)
  end

  it("that is let through would be seen", function()
    check { "", "read", { "jail", "forbidden nothing" }, 2,
      "it ended without saying how" }
  end)
end)
