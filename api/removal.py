"""The end of an account: nothing of the user is left."""

import asyncio
import contextlib
import shutil

from api.errors import ApiError
from api.services import Services
from checkpoints.users import Account


async def remove_account(account: Account, services: Services) -> None:
    """Delete sessions, files, keys, usage, and then the account itself. Raises `LastAdminError`.

    The user comes in no more from the first step on, and the row goes last: what is cut off is seen, and done again.
    """
    store, user = services.store, account.id
    await store.users.change(user, disabled=True)
    while ids := await store.sessions.ids(user):  # a request that was under way may have made another one
        for session in ids:
            with contextlib.suppress(ApiError):  # its owner was faster
                await services.deletions.delete(session, user)
    for name in await store.files.names(user):
        with contextlib.suppress(ApiError):
            await services.uploads.remove(user, name)
    await services.documents.drop_user(user)  # and whatever is indexing for the user, before its folder goes
    await asyncio.to_thread(shutil.rmtree, services.settings.user_dir(user), ignore_errors=True)
    await store.api_keys.revoke_all(user)
    await store.usage.forget(user)
    await services.models.choose_for(user, None)
    await store.users.delete(user)
