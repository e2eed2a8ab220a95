"""The real AWS CLI, loaded once: every call is a fork of a process that has it in memory.

Its start alone takes a second, and the scripts of deploy/ start it at every step. A call gets the
caller's words, variables, directory, input and outputs; nothing of one call is left for the next.

    with AwsCli(place) as aws: aws.program    a directory entry for PATH that is called `aws`
"""

import json
import os
import signal
import socket
import subprocess
import sys

# Isolated and without site packages, because its own start is what is saved.
CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(server, [len(call).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(call)
    code = server.recv(1)
sys.exit(code[0] if code else 70)
"""
SERVICES = ("ec2", "ssm", "eks", "s3", "service-quotas", "cloudwatch")


class AwsCli:
    """The process and the program that asks it."""

    def __init__(self, place):
        self.address = str(place / "socket")
        self.program = place / "aws"
        self.program.write_text(CLIENT.format(python=sys.executable, address=self.address))
        self.program.chmod(0o755)

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, __file__, self.address], stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def serve(address):
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
    loader = driver.session.get_component("data_loader")
    for service in SERVICES:
        loader.load_service_model(service, "service-2")
        loader.load_service_model(service, "endpoint-rule-set-1")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            caller, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                answer(driver, caller)
            caller.close()


def answer(driver, caller):
    """One call, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 70
    try:
        size, descriptors, _, _ = socket.recv_fds(caller, 8, 3)
        with caller.makefile("rb") as stream:
            words, variables, directory = json.loads(stream.read(int.from_bytes(size, "big")))
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(directory)
        code = driver.main(words)
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 2
    finally:
        caller.sendall(bytes([code & 255]))
        os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
