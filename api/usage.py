"""`GET /api/usage`: what the caller has used and may use."""

import time

from fastapi import APIRouter, Depends, Query

from api.account_schemas import DayView, LimitsView, UsageView
from api.dependencies import current_user, services_of
from api.documented import errors
from api.services import Services
from checkpoints.users import User

router = APIRouter(tags=["accounts"])
DAY_SECONDS = 24 * 3600
MAX_DAYS = 366


@router.get("/api/usage", responses=errors(400))
async def own_usage(
    days: int = Query(default=30, ge=1, le=MAX_DAYS),
    services: Services = Depends(services_of),
    user: User = Depends(current_user),
) -> UsageView:
    """Runs and tokens per day (UTC), newest first, and the limits."""
    used = await services.store.usage.days(first_day(days), user.id)
    return UsageView(
        limits=LimitsView.of(user, services.quotas),
        tokens_today=await services.store.usage.tokens_today(user.id),
        days=[DayView.of(day) for day in used],
    )


def first_day(days: int) -> str:
    """The first of the last `days` days, today among them."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - (days - 1) * DAY_SECONDS))
