from app import ask


def test_refuses():
    assert ask
