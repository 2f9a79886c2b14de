"""The machine that gpu_test.py runs on: its GPU, compiler, Python packages and NVIDIA libraries; and its processes."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "gpu"
# Packages that are missing are put here, beside those that are installed.
SITE = OUT / "site"
# Libraries to build with do not lie among Python packages: an environment of its own holds what is missing.
LIBRARIES = OUT / "libraries"
# Module or program and distribution: what testing and training take, and what building takes.
REQUIREMENTS = {"numpy": "numpy>=1.24", "scipy": "scipy>=1.10", "pytest": "pytest>=8", "PIL": "pillow"}
PROGRAMS = {"cmake": "cmake>=3.26", "ninja": "ninja>=1.11"}
TO_BUILD_WITH = {"onednn-devel-cpu-gomp": "2023.2", "scipy-openblas32": "0.3.27"}
# NVIDIA's libraries to run with, by the names of their wheels for CUDA 13 and 12.
CARRIED = [
    f"nvidia-{name}" for name in ("cublas", "cudnn-cu13", "cufft", "cublas-cu12", "cudnn-cu12", "cufft-cu12")
]


def asked_of_driver() -> tuple[str, str] | None:
    """Name and architecture ("90") of the first GPU; none without a driver or a GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    count, device, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(100)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return None
    if driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, 100, device):
        return None
    capability = [ctypes.c_int(), ctypes.c_int()]
    for attribute, number in zip((75, 76), capability):  # major and minor
        if driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device):
            return None
    return name.value.decode(), "".join(str(number.value) for number in capability)


def named_by_tool() -> str | None:
    """Name, driver and memory of the first GPU, as nvidia-smi prints them; none where it fails."""
    if not shutil.which("nvidia-smi"):
        return None
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


def compiler() -> str | None:
    """nvcc: on the path, below CUDA_HOME, or in the newest toolkit of /usr/local."""
    home = os.environ.get("CUDA_HOME")
    places = [Path(home, "bin", "nvcc")] if home else []
    places += [
        Path("/usr/local/cuda/bin/nvcc"),
        *sorted(Path("/usr/local").glob("cuda-*/bin/nvcc"), reverse=True),
    ]
    return shutil.which("nvcc") or next((str(path) for path in places if path.exists()), None)


@dataclass
class Machine:
    """Where this runs."""

    gpu: str | None
    nvcc: str | None
    cores: int
    architecture: str = "native"

    @classmethod
    def found(cls, emulated: bool) -> Machine:
        """What is here; no GPU if the emulated one is asked for."""
        nvcc, cores = compiler(), len(os.sched_getaffinity(0))
        found = None if emulated else asked_of_driver()
        return cls(named_by_tool() or found[0], nvcc, cores, found[1]) if found else cls(None, nvcc, cores)

    def isa(self) -> str:
        """The level of CPU kernels that `taeda` will choose here: the only one that is built."""
        path = Path("/proc/cpuinfo")
        flags = set(path.read_text().split()) if path.exists() else set()
        if platform.machine() not in ("x86_64", "AMD64") or not {"avx2", "fma"} <= flags:
            return "baseline"
        return "avx512" if {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16"} <= flags else "avx2"

    def nvidia_folders(self) -> list[str]:
        """Where NVIDIA's libraries may lie: in wheels, which do not lie beside taeda here, and in nvcc's toolkit."""
        spec = importlib.util.find_spec("nvidia")
        wheels = [*(spec.submodule_search_locations or [] if spec else []), str(SITE / "nvidia")]
        folders = [path for wheel in dict.fromkeys(wheels) for path in sorted(Path(wheel).glob("*/lib"))]
        if self.nvcc:
            toolkit = Path(self.nvcc).resolve().parents[1]
            folders += [toolkit / "lib64", toolkit / "targets" / f"{platform.machine()}-linux" / "lib"]
        return [str(folder) for folder in folders if folder.is_dir()]


def cmake_version() -> tuple[int, ...]:
    """Of the cmake on the path; nothing without one that runs."""
    if not shutil.which("cmake"):
        return ()
    done = subprocess.run(["cmake", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else ()


def has(module: str) -> bool:
    """Whether a requirement is there: a module, or a program."""
    if module == "cmake":
        return cmake_version() >= (3, 26)
    if module == "ninja":
        return shutil.which("ninja") is not None
    return importlib.util.find_spec(module) is not None


def has_libraries() -> bool:
    """Whether this Python has the libraries to build with."""
    try:
        return bool([metadata.version(name) for name in TO_BUILD_WITH])
    except metadata.PackageNotFoundError:
        return False


def builder() -> str:
    """The Python that the core is built with: this one, or one of the same version that has the libraries."""
    return sys.executable if has_libraries() else str(LIBRARIES / "bin" / "python")


def use_site() -> None:
    """Lets this process and those that it starts see what is in SITE."""
    if str(SITE) not in sys.path:
        sys.path.insert(0, str(SITE))
        importlib.invalidate_caches()
    for name, first in (("PYTHONPATH", str(SITE)), ("PATH", str(SITE / "bin"))):
        parts = [part for part in os.environ.get(name, "").split(":") if part and part != first]
        os.environ[name] = ":".join([first, *parts])


def pip(options: list[str], names: list[str], wheels: Path | None) -> None:
    """Installs from the folder of wheels or else the network.

    Raises:
        RuntimeError: with the end of what pip says.
    """
    source = ["--no-index", "--find-links", str(wheels)] if wheels else []
    first = ["--quiet", "--disable-pip-version-check"]
    python = options[:2] if options[:1] == ["--python"] else []  # an option of pip itself, not of install
    command = [
        sys.executable,
        "-m",
        "pip",
        *python,
        "install",
        *first,
        *options[len(python) :],
        *source,
        *names,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not install {' '.join(names)}:\n{(done.stdout + done.stderr)[-1500:]}")


def install(wheels: Path | None, build: bool) -> list[str]:
    """Gets what is missing, from the folder of wheels or else the network; gives the names.

    Raises:
        RuntimeError: something could not be installed.
    """
    use_site()
    needed = REQUIREMENTS | (PROGRAMS if build else {})
    missing = [name for module, name in needed.items() if not has(module)]
    if missing:
        pip(["--target", str(SITE)], missing, wheels)
    carried = []
    if wheels and importlib.util.find_spec("nvidia") is None:
        carried = [name for name in CARRIED if any(wheels.glob(f"{name.replace('-', '_')}-[0-9]*.whl"))]
    if carried:
        pip(["--target", str(SITE), "--no-deps"], carried, wheels)
    libraries = []
    if build and not has_libraries():
        libraries = [f"{name}>={version}" for name, version in TO_BUILD_WITH.items()]
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(LIBRARIES)], check=True)
        pip(["--python", builder()], libraries, wheels)
    importlib.invalidate_caches()
    return missing + carried + libraries


def essence(log: str, most: int = 15) -> str:
    """The first lines of a log that speak of errors, and its end."""
    errors = [line[:300] for line in log.splitlines() if re.search(r"error|FAILED|fatal", line, re.I)][:most]
    return "\n".join([*errors, "...", log[-1500:]] if errors else [log[-3000:]])


def run(
    command: list[str], log: str, environment: dict[str, str] | None = None, limit: float | None = None
) -> tuple[bool, str]:
    """Whether the command ended well and within the limit in seconds, and the essence of what it wrote.

    All of it goes to build/gpu/LOG.log. What runs too long is killed, with the processes that it has started.
    """
    path = OUT / f"{log}.log"
    with path.open("w") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            good = process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            out.write(f"\nkilled, because it took longer than {limit:.0f} seconds\n")
            good = False
    return good, essence(path.read_text(errors="replace"))
