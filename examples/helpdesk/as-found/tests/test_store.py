from helpdesk import store


def test_search_finds_the_article_about_returns():
    store.reindex()
    assert store.search("How do I return a parcel?")[0]["id"] == "returns"


def test_ticket_is_found():
    assert store.ticket("T-1001")["subject"] == "Where is my parcel?"
