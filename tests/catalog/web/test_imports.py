import subprocess
import sys

HEAVY = ("pyvips", "torch", "cv2", "numpy", "skimage")


def test_importing_the_application_loads_no_picture_library() -> None:
    code = (
        "import sys, pathlib; from catalog.web.app import create_app;"
        "from catalog.web.access import StaffAccess; nobody = lambda: 0;"
        "create_app('postgresql://x/y', pathlib.Path('/nowhere'), 'http://h');"
        "create_app('postgresql://x/y', pathlib.Path(), 'http://h', staff=StaffAccess(*[nobody] * 3));"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.stdout.strip() == "[]", finished.stderr
