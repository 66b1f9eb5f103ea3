"""Write a manifest, size and SHA-256, of all files below a directory: python make_manifest.py DIRECTORY MANIFEST"""

import os
import stat
import sys
from pathlib import Path

from jobs import Manifest, described, hash_file, keep, quoted

from shiftboss.batches import Batch


def main(directory: str, manifest: str) -> None:
    root, output = Path(directory).resolve(), Path(manifest).resolve()
    if not root.is_dir():
        sys.exit(f"there is no directory {root}")
    if output.is_relative_to(root):
        sys.exit(f"{output} is inside {root}, which it describes")

    batch = Batch(description=f"Manifest of {root.name}", tags=["manifest"])
    results = f"manifest:{batch.bid}"
    batch.on("success", Manifest, {"results": results, "output": str(output)})

    files = others = 0
    with batch.jobs(autoflush=1_000):  # pushed as they come, 1,000 at a time; no event before the end of the block
        for path, reason in everything_below(root):
            name = quoted(path.relative_to(root))
            if reason:
                keep(results, {f"other:{others}": described(name) | {"reason": reason}})
                others += 1
            else:
                hash_file.perform_async(results, files, quoted(root), name)
                files += 1

    status = batch.join(timeout=3_600, progress=True)
    print(f"{status.total} files; a worker writes {output}")


def everything_below(root: Path):
    """Each path below the root, with a reason if it is not a file to hash. Links are not followed."""
    unlisted = []
    for folder, folders, names in os.walk(root, onerror=unlisted.append):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for path in (Path(folder, name) for name in sorted(names + links)):
            yield path, why_not(path)
    for error in unlisted:
        yield Path(error.filename), f"cannot be listed: {error.strerror}"


def why_not(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "" if stat.S_ISREG(mode) else "no regular file"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
