"""Customers and companies."""

from __future__ import annotations

from kustomer_sync.kustomer.declare import attribute, joined, listed, root
from kustomer_sync.model import Listing, Search, Table

_CONTACT = "String type\nBoolean verified"
_LOCATION = """
    String address address2 address3 areaCode cityName countryCode countryName name regionCode
    String regionName type zipCode
    Double latitude longitude
"""
_SOCIAL = "String type url userid username\nBoolean verified"


def _emails(parent: str) -> Table:
    return listed(f"{parent}_email", parent, attribute("emails"), f"String email\n{_CONTACT}")


def _locations(parent: str) -> Table:
    return listed(f"{parent}_location", parent, attribute("locations"), _LOCATION)


def _phones(parent: str) -> Table:
    return listed(f"{parent}_phone", parent, attribute("phones"), f"String phone\n{_CONTACT}")


def _socials(parent: str) -> Table:
    return listed(f"{parent}_social", parent, attribute("socials"), _SOCIAL)


def _tags(parent: str) -> Table:
    return joined(f"{parent}_tag", parent, attribute("tags"), "tag")


def _urls(parent: str) -> Table:
    return listed(f"{parent}_url", parent, attribute("urls"), "String type url")


CUSTOMER = root(
    "customer",
    Search("customer", "/v1/customers/{id}"),
    """
    rel      company
    by       createdBy deletedBy modifiedBy
    to conversation last_conversation_id<-lastConversation.id
    Int      conversationCounts.all conversationCounts.done conversationCounts.open
    Int      conversationCounts.snoozed
    Instant  createdAt deletedAt lastActivityAt lastMessageAt lastMessageOut.sentAt modifiedAt
    Instant  updatedAt
    String   defaultLang displayName externalId firstName lastName name progressiveStatus
    Boolean  deleted verified
    Double   sentiment.confidence sentiment.polarity
    extra Long rev
    """,
    children=(
        joined("customer_active_user", "customer", attribute("activeUsers"), "user"),
        _emails("customer"),
        listed("customer_external_link", "customer", attribute("externalIds"),
               "String externalId\nBoolean verified"),
        joined("customer_last_conversation_tag", "customer", attribute("lastConversation", "tags"),
               "tag"),
        _locations("customer"),
        _phones("customer"),
        listed("customer_shared_email", "customer", attribute("sharedEmails"),
               f"String email\n{_CONTACT}"),
        listed("customer_shared_external_link", "customer", attribute("sharedExternalIds"),
               "String externalId\nBoolean verified"),
        listed("customer_shared_phone", "customer", attribute("sharedPhones"),
               f"String phone\n{_CONTACT}"),
        listed("customer_shared_social", "customer", attribute("sharedSocials"), _SOCIAL),
        listed("customer_shared_whatsapp", "customer", attribute("sharedWhatsapps"),
               f"String phone\n{_CONTACT}"),
        _socials("customer"),
        _tags("customer"),
        _urls("customer"),
        joined("customer_watcher", "customer", attribute("watchers"), "user"),
        listed("customer_whatsapp", "customer", attribute("whatsapps"),
               f"String phone\n{_CONTACT}"),
    ),
    role="org.permission.customer.read",
    custom=True,
    link="getcustomers",
)  # fmt: skip

COMPANY = root(
    "company",
    Search("company", "/v1/companies/{id}", listed=Listing("/v1/companies")),
    """
    by       createdBy modifiedBy
    Instant  createdAt modifiedAt updatedAt
    String   externalId name
    extra Long rev
    """,
    children=(
        _emails("company"), _locations("company"), _phones("company"), _socials("company"),
        _tags("company"), _urls("company"),
    ),
    role="org.permission.company.read",
    custom=True,
    link="getcompanies",
)  # fmt: skip
